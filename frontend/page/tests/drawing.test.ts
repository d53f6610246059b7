/** Strokes as SVG, the same as Python writes: `tests/widgets/painting/test_drawing.py` has the same file. */
import { expect, test } from "vitest";
import { missing, toSvg, type Drawn } from "../src/painting/drawing";
import { Raster, type Brush } from "../src/painting/raster";

const [wanted] = Object.values(
  import.meta.glob<string>(["./fixtures/drawing.svg"], { query: "?raw", import: "default", eager: true }),
);
const BRUSH: Brush = { tool: "brush", color: "#c81400", size: 8, softness: 0, opacity: 1, layer: "sketch" };

function stroke(raster: Raster, change: Partial<Brush>, ...points: [number, number, number, number?][]): void {
  const started = raster.begin({ ...BRUSH, ...change });
  raster.extend(started, points);
  raster.finish(started);
}

test("strokes, areas and what was erased become the drawing that Python makes", () => {
  const raster = new Raster(64);
  stroke(raster, {}, [10, 10, 1], [50, 10.126, 1]);
  raster.clear();
  stroke(raster, {}, [10, 20, 1], [50, 20, 1], [50, 40, 1]);
  stroke(raster, { softness: 0.5, opacity: 0.5, color: "#0000ff" }, [20, 50, 1]);
  stroke(raster, { mirror: "x" }, [5, 5, 0.3, 0.5], [10, 5, 0.65, 1], [20, 5, 1, 1]);
  raster.paintArea(
    [
      [30, 30],
      [40, 30],
      [40, 45.5],
    ],
    { ...BRUSH, color: "#00ff00" },
  );
  stroke(raster, { tool: "eraser", size: 4 }, [0, 0, 1], [60, 60, 1]);
  stroke(raster, { layer: "mask" }, [32, 32, 1]);
  stroke(raster, {}, [1, 1, 1]);
  raster.undo();
  expect(toSvg(raster.drawn, 64)).toBe(wanted);
  expect(missing(raster.drawn)).toBe("");
});

test("what has no outline is told", () => {
  expect(missing([{ kind: "fill" }])).toMatch(/^It lacks the fills/);
  const drawn: Drawn[] = [{ kind: "pixels" }, { kind: "fill" }];
  expect(missing(drawn)).toMatch(/^It lacks what was painted before/);
  expect(missing([...drawn, { kind: "emptied" }])).toBe("");
});

test("paint that can no longer be undone stays in the drawing", () => {
  const raster = new Raster(16);
  stroke(raster, {}, [8, 8, 1]);
  raster.keepPixels();
  raster.undo();
  expect(raster.drawn).toEqual([{ kind: "pixels" }]);
});
