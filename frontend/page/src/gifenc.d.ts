/** The part of gifenc that is used here; it brings no types. */
declare module "gifenc" {
  type Palette = number[][];

  interface Frame {
    palette: Palette;
    /** Milliseconds. */
    delay: number;
    /** How often the animation repeats; 0 for ever. */
    repeat: number;
  }

  interface Encoder {
    writeFrame(index: Uint8Array, width: number, height: number, frame: Frame): void;
    finish(): void;
    bytes(): Uint8Array<ArrayBuffer>;
  }

  export function GIFEncoder(): Encoder;
  export function quantize(rgba: Uint8Array | Uint8ClampedArray, colors: number): Palette;
  export function applyPalette(rgba: Uint8Array | Uint8ClampedArray, palette: Palette): Uint8Array;
}
