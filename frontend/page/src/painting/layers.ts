/** The layers of a painting, rectangles on them, and the changes that can be undone. As `layers.py`. */
import type { Drawn } from "./drawing";

export type LayerName = "image" | "sketch" | "mask";
export type PaintLayer = "sketch" | "mask";

/** Left, top, right, bottom; the last two lie outside. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** Bytes of each pixel: red, green, blue; with alpha, not premultiplied; how much is masked. */
export const CHANNELS: Readonly<Record<LayerName, number>> = { image: 3, sketch: 4, mask: 1 };

/** Bytes of changes that can be undone. The oldest are forgotten beyond it. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Strokes that are kept for a drawing after they can no longer be undone. */
const MOST_KEPT = 10_000;

export type Layers = Readonly<Record<LayerName, Uint8Array>>;

/** The smallest rectangle that contains both. */
export function union(first: Box | null, second: Box | null): Box | null {
  if (!first || !second) return first ?? second;
  return [
    Math.min(first[0], second[0]),
    Math.min(first[1], second[1]),
    Math.max(first[2], second[2]),
    Math.max(first[3], second[3]),
  ];
}

/** Calls `each` with the place of every row of a rectangle: in the layer, in the rectangle's own bytes, and its length. */
function forRows(
  [left, top, right, bottom]: Box,
  side: number,
  channels: number,
  each: (at: number, own: number, length: number) => void,
): void {
  const length = (right - left) * channels;
  for (let y = top; y < bottom; y++) each((y * side + left) * channels, (y - top) * length, length);
}

/** Copies a rectangle from one layer to another of the same size. */
export function copyBox(from: Uint8Array, to: Uint8Array, box: Box, side: number, channels: number): void {
  forRows(box, side, channels, (at, _, length) => to.set(from.subarray(at, at + length), at));
}

/** A changed rectangle of one layer, as the exclusive or of before and after: it leads from either to the other. */
export class Patch {
  private constructor(
    readonly layer: LayerName,
    readonly box: Box,
    private readonly difference: Uint8Array,
  ) {}

  /** @param before, after: the whole layer */
  static between(layer: LayerName, box: Box, before: Uint8Array, after: Uint8Array, side: number): Patch {
    const channels = CHANNELS[layer];
    const [left, top, right, bottom] = box;
    const difference = new Uint8Array((right - left) * (bottom - top) * channels);
    forRows(box, side, channels, (at, own, length) => {
      for (let i = 0; i < length; i++) difference[own + i] = (before[at + i] ?? 0) ^ (after[at + i] ?? 0);
    });
    return new Patch(layer, box, difference);
  }

  get size(): number {
    return this.difference.length;
  }

  /** Swaps before and after on the layer. */
  toggle(layer: Uint8Array, side: number): void {
    forRows(this.box, side, CHANNELS[this.layer], (at, own, length) => {
      for (let i = 0; i < length; i++) layer[at + i] = (layer[at + i] ?? 0) ^ (this.difference[own + i] ?? 0);
    });
  }
}

/** What one undo reverts. */
export class Change {
  /** @param drawn what it painted, as lines and areas */
  constructor(
    readonly patches: readonly Patch[],
    readonly drawn: readonly Drawn[] = [],
  ) {}

  get box(): Box {
    return this.patches.reduce<Box | null>((all, { box }) => union(all, box), null) ?? [0, 0, 0, 0];
  }

  get layers(): ReadonlySet<LayerName> {
    return new Set(this.patches.map(({ layer }) => layer));
  }

  get size(): number {
    return this.patches.reduce((sum, patch) => sum + patch.size, 0);
  }
}

/** Changes that can be undone, and those that can be redone. */
export class ChangeHistory {
  private earlier: readonly Drawn[] = [];
  private done: Change[] = [];
  private undone: Change[] = [];

  constructor(
    private readonly side: number,
    private readonly mostBytes = MOST_BYTES,
  ) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** What was painted and not undone, the oldest first. */
  get drawn(): readonly Drawn[] {
    return [...this.earlier, ...this.done.flatMap(({ drawn }) => drawn)];
  }

  /** Adds what was painted before the first change that can be undone. */
  keep(drawn: readonly Drawn[]): void {
    this.earlier = [...this.earlier, ...drawn].slice(-MOST_KEPT);
  }

  record(change: Change): void {
    this.done.push(change);
    this.undone = [];
    let size = this.done.reduce((sum, other) => sum + other.size, 0);
    while (size > this.mostBytes && this.done.length > 1) {
      const oldest = this.done.shift();
      size -= oldest?.size ?? 0;
      this.keep(oldest?.drawn ?? []);
    }
  }

  /** Reverts the last change; null if there is none. */
  undo(layers: Layers): Change | null {
    return this.move(this.done, this.undone, layers);
  }

  /** Makes the last change again that was undone; null if there is none. */
  redo(layers: Layers): Change | null {
    return this.move(this.undone, this.done, layers);
  }

  private move(source: Change[], target: Change[], layers: Layers): Change | null {
    const change = source.pop();
    if (!change) return null;
    for (const patch of change.patches) patch.toggle(layers[patch.layer], this.side);
    target.push(change);
    return change;
  }
}
