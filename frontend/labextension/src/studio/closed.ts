/** The studios that were closed last. Their paintings are kept: a studio with the same place restores its painting. */
import type { IStateDB } from "@jupyterlab/statedb";
import type { Place } from "./tab";

const KEY = "robust-widgets:closed-studios";
const MOST_STUDIOS = 10;
/** How long paintings are kept. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

interface Closed {
  place: Place;
  when: number;
}

export class ClosedStudios {
  private list: Closed[] = [];

  /** @param changed called when the list may have become empty or not empty */
  constructor(
    private readonly state: Pick<IStateDB, "fetch" | "save"> | null,
    private readonly changed: () => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Loads the list of before a reload of the page. */
  async load(): Promise<void> {
    const known = await this.state?.fetch(KEY);
    if (Array.isArray(known)) this.list = [...(known as unknown as Closed[]), ...this.list];
    this.changed();
  }

  get isEmpty(): boolean {
    return !this.list.some((studio) => this.isKept(studio));
  }

  add(place: Place): void {
    this.list = [...this.list.filter((studio) => this.isKept(studio)), { place, when: this.now() }].slice(
      -MOST_STUDIOS,
    );
    this.save();
  }

  /** Removes and returns the studio that was closed last. */
  pop(): Place | undefined {
    this.list = this.list.filter((studio) => this.isKept(studio));
    const last = this.list.pop();
    this.save();
    return last?.place;
  }

  private isKept({ when }: Closed): boolean {
    return this.now() - when < KEPT_MS;
  }

  private save(): void {
    void this.state?.save(KEY, this.list as never);
    this.changed();
  }
}
