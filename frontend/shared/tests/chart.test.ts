import { beforeEach, expect, test, vi } from "vitest";
import { Chart, spread, type Drawing } from "../src/chart";
import { plain } from "../src/numbers";

const scrub = vi.fn();
let chart: Chart;

beforeEach(() => {
  scrub.mockReset();
  chart = new Chart(100, scrub, new AbortController().signal);
  document.body.append(chart.root);
});

function draw(change: Partial<Drawing> = {}, values: (number | null)[] = [0, 5, null, 10]): void {
  const series = [{ name: "loss", look: 2, steps: [0, 1, 2, 4], values, now: values[1] }];
  chart.draw({ series, end: 4, marker: 1, format: plain, ...change });
}

const part = (name: string) => chart.root.querySelector<HTMLElement>(`.rw-chart-${name}`);
const paths = () => [...chart.root.querySelectorAll(".rw-chart-plot path")].map((path) => path.getAttribute("d"));

test("a curve goes through its values, with a gap where one is missing", () => {
  draw();
  expect(paths()).toEqual(["M0 100.0L250 50.0M1000 0.0"]);
  expect([part("low")?.textContent, part("high")?.textContent]).toEqual(["0.00", "10.0"]);
});

test("the marker, the dot and the label show the value", () => {
  draw();
  expect(part("marker")?.style.left).toBe("25%");
  expect([part("dot")?.style.left, part("dot")?.style.top]).toEqual(["25%", "50%"]);
  expect(part("label")?.textContent.trim()).toBe("loss5.00");
  expect(part("label")?.dataset["look"]).toBe("2");
  draw({ marker: null });
  expect([part("marker")?.hidden, part("dot")?.hidden]).toEqual([true, true]);
});

test("values are clipped to a given range", () => {
  draw({ range: [0, 5] });
  expect(paths()).toEqual(["M0 100.0L250 0.0M1000 0.0"]);
});

test("a rule is within the range, and named with its value", () => {
  draw({ rule: { value: 40.123, name: "ε" } });
  expect(part("rule")?.dataset["name"]).toBe("ε 40.1");
  expect(part("high")?.textContent).toBe(plain(40.123 * 1.05));
  draw();
  expect(part("rule")?.hidden).toBe(true);
});

test("as many curves are shown as there are series", () => {
  draw();
  draw({ series: [] });
  expect(paths()).toEqual([]);
  expect(chart.root.querySelectorAll(".rw-chart-label, .rw-chart-dot")).toHaveLength(0);
  expect([part("low")?.textContent, part("high")?.textContent]).toEqual(["", ""]);
});

test("a long curve is drawn with some of its points, and with its last one", () => {
  const steps = Array.from({ length: 3001 }, (_, step) => step);
  chart.draw({ series: [{ name: "", look: 0, steps, values: steps, now: 0 }], end: 3000, marker: 0, format: plain });
  const path = paths()[0] ?? "";
  expect(path.split("L").length).toBeLessThan(310);
  expect(path).toMatch(/1000 0\.0$/);
});

test("the pointer scrubs while its button is held", () => {
  draw();
  vi.spyOn(chart.plot, "getBoundingClientRect").mockReturnValue(new DOMRect(100, 0, 200, 100));
  chart.plot.setPointerCapture = vi.fn();
  chart.plot.dispatchEvent(new PointerEvent("pointermove", { clientX: 150, buttons: 0 }));
  chart.plot.dispatchEvent(new PointerEvent("pointerdown", { clientX: 150, buttons: 1 }));
  chart.plot.dispatchEvent(new PointerEvent("pointermove", { clientX: 300, buttons: 1 }));
  expect(scrub.mock.calls).toEqual([[1], [4]]);
});

test.each([
  [[50], [50]],
  [
    [50, 50],
    [50, 64],
  ],
  [
    [99, 98],
    [93, 79],
  ],
  [
    [0, 0, 0],
    [7, 21, 35],
  ],
])("labels at %j are moved to %j", (wanted, places) => {
  expect(spread(wanted, 14, 100)).toEqual(places);
});
