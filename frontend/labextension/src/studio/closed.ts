/** The studios that were closed last, whose paintings are kept: a studio of the same place brings its painting back. */
import type { IStateDB } from "@jupyterlab/statedb";
import type { Place } from "./tab";

const KEY = "robust-widgets:closed-studios";
const MOST = 10;
/** As long as paintings are kept. */
const MOST_MILLISECONDS = 30 * 24 * 3600 * 1000;

interface Closed {
  place: Place;
  when: number;
}

export class ClosedStudios {
  private list: Closed[] = [];

  /** @param changed called when there is something to reopen, or no more */
  constructor(
    private readonly state: Pick<IStateDB, "fetch" | "save"> | null,
    private readonly changed: () => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Remembers those of before a reload of the page. */
  async load(): Promise<void> {
    const known = await this.state?.fetch(KEY);
    if (Array.isArray(known)) this.list = [...(known as unknown as Closed[]), ...this.list];
    this.changed();
  }

  get isEmpty(): boolean {
    return !this.list.some((one) => this.isKept(one));
  }

  add(place: Place): void {
    this.list = [...this.list.filter((one) => this.isKept(one)), { place, when: this.now() }].slice(-MOST);
    this.keep();
  }

  /** The one that was closed last, which is then none of these any more. */
  take(): Place | undefined {
    this.list = this.list.filter((one) => this.isKept(one));
    const last = this.list.pop();
    this.keep();
    return last?.place;
  }

  private isKept({ when }: Closed): boolean {
    return this.now() - when < MOST_MILLISECONDS;
  }

  private keep(): void {
    void this.state?.save(KEY, this.list as never);
    this.changed();
  }
}
