import { beforeEach, expect, test, vi } from "vitest";
import { StatusLine } from "../src/studio/statusLine";
import { Studio } from "../src/studio/studio";
import { FakeSession } from "./fakeSession";
import { MANIFEST } from "./manifest";

/** Of the canvas: small, because the canvas of these tests is slow. */
const SIDE = 32;

let session: FakeSession;
let status: StatusLine;
let studio: Studio;

beforeEach(() => {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe = () => undefined;
      disconnect = () => undefined;
    },
  );
  session = new FakeSession();
  status = new StatusLine();
  studio = new Studio(MANIFEST, session, status, SIDE);
  document.body.append(studio.root, status.root);
});

const button = (selector: string): HTMLButtonElement => {
  const match = studio.root.querySelector<HTMLButtonElement>(selector);
  if (!match) throw new Error(`no ${selector}`);
  return match;
};
const press = (selector: string) => button(selector).click();
const chooseTask = (label: string) =>
  [...studio.root.querySelectorAll<HTMLElement>("[role=radio]")]
    .find(({ textContent }) => textContent === label)
    ?.click();

let strokes = 0;

function stroke(x: number, y: number, layer: "sketch" | "mask" = "sketch"): void {
  const brush = { tool: "brush", color: "#ff0000", size: 6, softness: 0, opacity: 1, layer } as const;
  studio.surface.pad.send({ kind: "stroke", id: ++strokes, phase: "end", points: [[x, y, 1]], brush });
}

test("an empty canvas is refused in a sentence, and nothing runs", () => {
  press(".rs-run");
  expect(status.text).toMatch(/^The canvas is empty/);
  expect(session.requests).toEqual([]);
});

test("Run sends what is painted, the class and the parameters, and each step is shown", () => {
  stroke(12, 12);
  press(".rs-run");
  const [request] = session.requests;
  expect(request).toMatchObject({ task: "sketch_to_image", target: "goldfish" });
  expect(request?.parameters).toEqual({ steps: 4, epsilon: 40, seed: null });
  expect(request?.picture?.pixels.length).toBe(SIDE * SIDE * 3);
  expect([...(request?.picture?.pixels.subarray(3 * (12 * SIDE + 12)) ?? [])].slice(0, 3)).toEqual([255, 0, 0]);
  session.advance(2);
  const trace = studio.runner.shownTrace;
  expect(trace?.length).toBe(3);
  expect(studio.root.querySelector(".rw-view")?.getAttribute("data-state")).toBe("running");
  expect(button(".rs-stop").disabled).toBe(false);
  session.advance(2);
  expect(studio.root.querySelector(".rw-view")?.getAttribute("data-state")).toBe("done");
  expect(studio.root.querySelector(".rw-view-line")?.textContent).toBe("4 steps in 0.1 s, goldfish 100 %");
  expect(button(".rs-stop").disabled).toBe(true);
});

test("a surprise generates a class from a seed, and the examples fold", () => {
  const examples = studio.root.querySelector<HTMLDetailsElement>(".rs-examples");
  expect(examples?.open).toBe(true);
  press(".rs-example:last-child");
  const [request] = session.requests;
  expect(request?.task).toBe("generate");
  expect(session.model.classes).toContain(request?.target);
  session.advance(4);
  expect(examples?.open).toBe(false);
});

test("what is painted folds the examples", () => {
  stroke(12, 12);
  expect(studio.root.querySelector<HTMLDetailsElement>(".rs-examples")?.open).toBe(false);
});

test("a task that the page does not have says why", () => {
  const model = { ...MANIFEST.model, missing: { dream: "It needs Python." } };
  const other = new Studio({ ...MANIFEST, model }, session, status, SIDE);
  other.root.querySelector<HTMLButtonElement>(".rs-task-missing")?.click();
  expect(status.text).toBe("It needs Python.");
  expect(other.follow("#task=dream") && status.text).toMatch(/which this page does not have\. It needs Python\.$/);
});

test("a run that failed for a passing reason can be tried again", () => {
  stroke(12, 12);
  press(".rs-run");
  session.fail("A file is missing.", "", "download-missing");
  const again = status.root.querySelector<HTMLButtonElement>(".rs-status-action");
  expect([again?.hidden, again?.textContent]).toEqual([false, "Try again"]);
  again?.click();
  expect([session.requests.length, session.requests[1] === session.requests[0]]).toEqual([2, true]);
  expect(status.text).toBe("");
  session.fail("It is NaN.");
  expect(again?.hidden).toBe(true);
});

test("a new run stops the one before, and both stay in the history", () => {
  stroke(12, 12);
  press(".rs-run");
  session.advance();
  press(".rs-run");
  session.advance(4);
  expect(studio.runner.traces.map(({ length }) => length)).toEqual([2, 5]);
  expect([...studio.root.querySelectorAll<HTMLElement>(".rw-view-run")].map((run) => run.dataset["state"])).toEqual([
    "done",
    "stopped",
  ]);
});

test("Stop ends the run where it is", () => {
  stroke(12, 12);
  press(".rs-run");
  session.advance();
  press(".rs-stop");
  expect(studio.root.querySelector(".rw-view-line")?.textContent).toBe("stopped at step 1, goldfish 25 %");
});

test("a failed run is told, and its frames stay", () => {
  stroke(12, 12);
  press(".rs-run");
  session.advance();
  session.fail("The loss is NaN.", "details");
  expect(status.text).toBe("The loss is NaN.");
  expect(studio.runner.shownTrace?.length).toBe(2);
});

test("a task with a mask asks for one, and sends it", () => {
  chooseTask("inpaint");
  expect(studio.surface.pad.get("layer")).toBe("mask");
  stroke(8, 8);
  press(".rs-run");
  expect(status.text).toMatch(/^The mask is empty/);
  stroke(8, 8, "mask");
  press(".rs-run");
  const mask = session.requests[0]?.mask;
  expect([mask?.levels[8 * SIDE + 8], mask?.levels[0]]).toEqual([255, 0]);
  studio.surface.invertMask();
  studio.surface.setMask(new Uint8Array(SIDE * SIDE).fill(255));
  press(".rs-run");
  expect(status.text).toMatch(/^The mask covers the whole picture/);
  expect(session.requests.length).toBe(1);
});

test("a picture that does not show its class is warned of", () => {
  chooseTask("inpaint");
  stroke(8, 8);
  stroke(8, 8, "mask");
  press(".rs-run");
  session.advance(4);
  expect(status.text).toMatch(/^The model gives goldfish a probability of only 0 %/);
});

test("features are painted from the palette", () => {
  chooseTask("paint_features");
  stroke(8, 8);
  stroke(8, 8, "mask");
  studio.root.querySelector<HTMLElement>("[data-name='water 1']")?.click();
  press(".rs-run");
  expect(session.requests[0]?.target).toBe("water 1");
});

test("live mode runs after each stroke, from the result under the new paint", () => {
  stroke(8, 8);
  press(".rs-run");
  session.advance(4);
  press(".rs-live");
  stroke(26, 26);
  expect(session.requests.length).toBe(2);
  const start = session.requests[1]?.start;
  expect([...(start?.pixels.subarray(3 * (26 * SIDE + 26)) ?? [])].slice(0, 3)).toEqual([255, 0, 0]);
  studio.surface.undo();
  expect(session.requests[2]?.start).toBeUndefined();
  press(".rs-live");
  stroke(3, 3);
  expect(session.requests.length).toBe(3);
});

test("a branch starts from the step that is shown, with as many pictures", () => {
  chooseTask("generate");
  studio.follow("#task=generate&n=3");
  press(".rs-run");
  session.advance(4);
  const trace = studio.runner.shownTrace;
  if (!trace) throw new Error("no run");
  studio.branch(trace, 2);
  expect(session.requests[1]).toMatchObject({ parameters: { n: 3 }, start: { count: 3 } });
  expect(session.requests[1]?.start?.pixels).toEqual(trace.frames[2]?.pictures.pixels);
});

test("a link sets everything, and what it does not know is told and ignored", () => {
  const hash = "#task=generate&class=cat&steps=7&seed=none&epsilon=-3&colour=red";
  expect(studio.follow(hash)).toBe(true);
  expect(status.text).toMatch(/ignored: “epsilon=-3”, “colour=red”\.$/);
  expect(studio.link).toContain("#task=generate&class=cat&steps=7&epsilon=40&seed=none&n=1");
  expect(studio.follow("")).toBe(false);
  studio.follow("#task=dance");
  expect(status.text).toBe("The link asks for the task “dance”, which this page does not have.");
});

test("a link of the studio sets the same again", () => {
  studio.follow("#task=paint_features&feature=water+1&steps=9&seed=3");
  const { hash } = new URL(studio.link);
  const other = new Studio(MANIFEST, session, status, SIDE);
  other.follow(hash);
  expect(new URL(other.link).hash).toBe(hash);
  expect(hash).toContain("feature=water+1");
});

test("a number out of its range is refused with what is allowed", () => {
  const field = studio.root.querySelector<HTMLInputElement>(".rs-number");
  if (!field) throw new Error("no field");
  field.value = "0";
  field.dispatchEvent(new Event("input"));
  stroke(8, 8);
  press(".rs-run");
  expect(status.text).toBe("steps must be a whole number of at least 1 and at most 100.");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  expect(session.requests).toEqual([]);
});

test("a result becomes the input, and undo brings the sketch back", () => {
  stroke(8, 8);
  const sketch = studio.surface.raster.composite();
  press(".rs-run");
  session.advance(4);
  press(".rs-results .rs-row button");
  expect(studio.surface.raster.composite()).not.toEqual(sketch);
  studio.surface.undo();
  expect(studio.surface.raster.composite()).toEqual(sketch);
});

test("no parameter is listed twice, and each has a label and help", () => {
  for (const task of MANIFEST.tasks) {
    chooseTask(task.label);
    const labels = [...studio.root.querySelectorAll(".rs-control > .rs-label")].map(({ textContent }) => textContent);
    expect(labels.sort()).toEqual(task.parameters.map(({ label }) => label).sort());
    const ids = [...studio.root.querySelectorAll(".rs-number")].map((input) => input.getAttribute("aria-describedby"));
    for (const id of ids) expect(document.getElementById(id ?? "")?.textContent).toBe("Help.");
  }
});

test("a hidden layer does not go into a run, and a locked one stays as it is", () => {
  const { surface } = studio;
  surface.setPicture(new Uint8Array(SIDE * SIDE * 3).fill(40));
  stroke(12, 12);
  const middle = () => [...surface.raster.composite().subarray(3 * (12 * SIDE + 12))].slice(0, 3);
  surface.pad.set("hidden", ["sketch"]);
  expect(middle()).toEqual([40, 40, 40]);
  press(".rs-run");
  expect(session.requests[0]?.picture?.pixels.every((value) => value === 40)).toBe(true);
  surface.pad.set("hidden", ["sketch", "image"]);
  press(".rs-run");
  expect([session.requests.length, status.text]).toEqual([
    1,
    expect.stringMatching(/^Everything on the canvas is hid/),
  ]);
  surface.pad.set("hidden", []);
  expect(middle()).toEqual([255, 0, 0]);
  surface.pad.set("locked", ["sketch"]);
  studio.root.querySelector<HTMLElement>("button[title^='Clear all paint']")?.click();
  expect([middle(), status.text]).toEqual([[255, 0, 0], expect.stringMatching(/^The sketch is locked/)]);
});

test("a hidden mask is no mask of a run", () => {
  chooseTask("inpaint");
  stroke(12, 12);
  stroke(20, 20, "mask");
  studio.surface.pad.set("hidden", ["mask"]);
  press(".rs-run");
  expect([session.requests, status.text]).toEqual([[], expect.stringMatching(/^The mask is hidden/)]);
});

test("a branched run stands beneath the run it came from", () => {
  stroke(12, 12);
  press(".rs-run");
  session.advance(4);
  studio.runner.view.send({ kind: "branch", step: 2 });
  session.advance(4);
  press(".rs-run");
  session.advance(4);
  const titles = (selector: string) =>
    [...studio.root.querySelectorAll<HTMLElement>(selector)].map(({ title }) => title.split(":")[0]);
  expect(titles(".rw-view-runs > .rw-view-tree > .rw-view-run")).toEqual(["run 3", "run 1"]);
  expect(titles(".rw-view-branches .rw-view-run")).toEqual(["run 2"]);
});

/** In milliseconds; on a busy machine an animation takes some seconds. */
const PATIENCE = 12_000;

test("all runs are saved as a sheet, or side by side, as files to download", async () => {
  const names: string[] = [];
  const blobs: Blob[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    names.push(this.download);
  });
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${blobs.push(blob as Blob)}`);
  const sheet = button("button[title^='Save the last pictures of all runs']");
  expect(sheet.disabled).toBe(true);
  stroke(12, 12);
  press(".rs-run");
  session.advance(4);
  press(".rs-run");
  session.advance(2);
  expect(sheet.disabled).toBe(false);
  sheet.click();
  await vi.waitFor(() => expect(names).toEqual(["runs.png"]), PATIENCE);
  press("button[title^='Save all runs side by side']");
  await vi.waitFor(() => expect(names).toEqual(["runs.png", "runs.gif"]), PATIENCE);
  const [png = new Blob(), gif = new Blob()] = blobs.slice(-2);
  const size = new DataView(await png.arrayBuffer());
  expect([size.getUint32(16), size.getUint32(20)]).toEqual([2 * (144 + 6) + 6, 144 + 18 + 6 + 6]);
  expect((await gif.text()).slice(0, 6)).toBe("GIF89a");
}, 30_000);

test("the strokes are saved as a drawing, and what it lacks is told", async () => {
  const blobs: Blob[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockReturnValue();
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${blobs.push(blob as Blob)}`);
  const save = "button[title^='Save the strokes']";
  press(save);
  expect(status.text).toMatch(/^There is no stroke/);
  stroke(12, 12);
  press(save);
  expect(await blobs[0]?.text()).toContain('<path d="M12 12h0" stroke-width="6"/>');
  const brush = { tool: "brush", color: "#00ff00", size: 6, softness: 0, opacity: 1, layer: "sketch" } as const;
  studio.surface.pad.send({ kind: "fill", point: [2, 2], brush });
  press(save);
  expect(status.text).toMatch(/It lacks the fills, which have no outline\.$/);
});
