/** What Python computed: `tests/page/fixtures.py` writes the file. */
import type { Mask, ParameterValue, Pictures, RunRequest } from "@robust-widgets/shared/session";
import type { Manifest, WeightsDeclaration } from "../src/manifest";
import content from "./fixtures.json";

type Coded<Kind, Key extends keyof Kind> = Omit<Kind, Key> & Record<Key, string>;

interface Draw {
  kind: "uniform" | "normal" | "uniformDouble";
  count: number;
  last: number[];
}

export interface StartCase {
  task: string;
  target: string;
  parameters: Record<string, ParameterValue>;
  inputs: ("picture" | "mask")[];
  starts: number[][];
  steps: number;
  radius: number | null;
  stepSize: number;
  region: number[] | null;
  stepWeight: number[] | null;
  penalty: number | null;
  outside: number[] | null;
}

interface Fixtures {
  drawn: { seed: number; calls: Draw[] }[];
  noise: number[];
  resized: { from: number; to: number; every: number; result: number[] }[];
  manifest: Manifest;
  seeds: string;
  picture: Coded<Pictures, "pixels">;
  masks: { hole: Coded<Mask, "levels">; stroke: Coded<Mask, "levels"> };
  every: number;
  starts: (StartCase & { parameters: Record<string, ParameterValue> })[];
  staged: {
    task: string;
    target: string;
    parameters: Record<string, ParameterValue>;
    stages: { size: number; steps: number; radius: number | null; stepSize: number; starts: number[][] }[];
  }[];
  shifted: { size: number; largest: number; seed: number; seen: number[][] };
  continued: { task: string; pixels: string; start: number[]; enlarged: number[]; heat: number[] }[];
  strokeRegion: number[];
  weights: { file: string; declaration: WeightsDeclaration; every: number; expanded: number[] };
}

export const fixtures = content as unknown as Fixtures;

export const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export const picture: Pictures = { ...fixtures.picture, count: 1, pixels: bytes(fixtures.picture.pixels) };
export const maskOf = (name: "hole" | "stroke"): Mask => {
  const mask = fixtures.masks[name];
  return { ...mask, levels: bytes(mask.levels) };
};

/** A request with the fixtures' picture and mask. */
export const request = (task: string, target: string, parameters: Record<string, ParameterValue> = {}): RunRequest => ({
  task,
  target,
  parameters,
  picture,
  mask: maskOf("hole"),
});

/** The largest difference; infinite where the lengths differ. */
export function distance(values: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (values.length !== expected.length) return Infinity;
  return Array.from(values).reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? NaN))),
    0,
  );
}

export const thinned = (values: ArrayLike<number>, every: number): number[] =>
  Array.from(values).filter((_, index) => index % every === 0);
