/** Keeps the painting in this browser, so that it survives a reload and a crash. As `autosave.py`. */
import type { LayerName } from "../painting/layers";
import { Raster } from "../painting/raster";

const STORE = "paintings";
const MOST_AGE_MS = 30 * 24 * 3600 * 1000;
const TAB = "robust-studio-tab";

interface SavedPainting extends Record<LayerName, Uint8Array> {
  /** Each tab of the browser has a painting of its own. */
  readonly tab: string;
  readonly side: number;
  /** Milliseconds, as of `Date.now()`. */
  readonly time: number;
}

export class Autosave {
  private waiting: Raster | null = null;
  private isBusy = false;

  private constructor(
    private readonly database: IDBDatabase,
    private readonly tab: string,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Opens the browser's storage for this page.
   *
   * @param failed called when a painting could not be saved
   * @throws anything that a browser says that refuses storage */
  static async open(failed: (error: unknown) => void, name = `robust-studio ${location.pathname}`): Promise<Autosave> {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "tab" });
    return new Autosave(await resultOf(request), tabId(), failed);
  }

  /** The painting of this tab, else the newest of a tab that was closed; null if there is none. */
  async load(side: number): Promise<{ raster: Raster; when: Date } | null> {
    const store = this.database.transaction(STORE, "readwrite").objectStore(STORE);
    const all = (await resultOf(store.getAll())) as SavedPainting[];
    const oldest = Date.now() - MOST_AGE_MS;
    for (const { tab, time } of all) if (time < oldest) store.delete(tab);
    const newest = all.filter((saved) => saved.side === side && saved.time >= oldest).sort((a, b) => b.time - a.time);
    const saved = newest.find(({ tab }) => tab === this.tab) ?? newest[0];
    if (!saved) return null;
    const raster = new Raster(side);
    for (const layer of ["image", "sketch", "mask"] as const) {
      if (saved[layer].length !== raster.layers[layer].length) return null;
      raster.layers[layer].set(saved[layer]);
    }
    raster.keepPixels();
    return raster.isBlank && !raster.hasMask ? null : { raster, when: new Date(saved.time) };
  }

  /** Saves the painting as it is now. Of several calls in a row, the newest counts. */
  save(raster: Raster): void {
    this.waiting = raster;
    if (!this.isBusy) void this.work();
  }

  private async work(): Promise<void> {
    this.isBusy = true;
    try {
      while (this.waiting) {
        const { side, layers } = this.waiting;
        this.waiting = null;
        const saved: SavedPainting = { tab: this.tab, side, time: Date.now(), ...layers };
        await resultOf(this.database.transaction(STORE, "readwrite").objectStore(STORE).put(saved));
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.isBusy = false;
    }
  }
}

function resultOf<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's storage failed"));
  });
}

/** Identifies this tab of the browser, also after a reload. */
function tabId(): string {
  const id = sessionStorage.getItem(TAB) ?? crypto.getRandomValues(new Uint32Array(2)).join("-");
  sessionStorage.setItem(TAB, id);
  return id;
}
