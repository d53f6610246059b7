import { expect, test } from "vitest";
import { unzip } from "@robust-widgets/shared/zip";
import { readRun } from "@robust-widgets/shared/savedRun";
import { archive } from "../src/files/archive";
import { pythonCode } from "../src/files/code";
import { bytesArray, doubleArray, npz, numbersOf, readNpz, wholeArray } from "../src/files/npy";
import { png } from "../src/files/png";
import { Trace } from "../src/runs/trace";
import { fileName } from "../src/studio/results";
import { FakeSession } from "./fakeSession";
import { MANIFEST } from "./manifest";

function runOf(task: string, parameters = {}, inputs = {}): Trace {
  const session = new FakeSession();
  const traces: Trace[] = [];
  const request = {
    task,
    target: "goldfish",
    parameters: { steps: 2, epsilon: 40, seed: 1, ...parameters },
    ...inputs,
  };
  session.submit(request, (event) => {
    if (event.kind === "started") traces.push(Trace.of(event.description, request));
    if (event.kind === "frame") traces[0]?.frames.push(event.frame);
  });
  session.advance(2);
  const [trace] = traces;
  if (!trace) throw new Error("no run");
  return trace;
}

const PICTURE = { count: 1, width: 2, height: 1, pixels: Uint8Array.from([1, 2, 3, 4, 5, 6]) };

test("a saved run is what the viewer of JupyterLab reads", async () => {
  const trace = runOf("sketch_to_image", {}, { picture: PICTURE });
  const saved = readRun(await archive(trace));
  expect(saved).toMatchObject({ task: "sketch_to_image", target: "goldfish", model: "fake", seed: 1 });
  expect(saved.pictures.length).toBe(3);
  expect(saved.run.probability).toEqual([0, 0.5, 1]);
  expect(saved.run.distance).toEqual([0, 1, 2]);
  expect(saved.size).toEqual({ count: 1, height: 16, width: 16 });
});

test("its arrays are as exact as the run", async () => {
  const trace = runOf("generate", { n: 2 }, { start: { ...PICTURE, count: 1 } });
  const arrays = await readNpz(unzip(await archive(trace)).get("arrays.npz") ?? new Uint8Array(), 1e7);
  expect([...arrays.keys()]).toEqual([
    ...["seconds", "loss", "probability", "distance", "probabilities", "probabilities_steps"],
    ...["gradient", "gradient_steps", "input_start"],
  ]);
  expect(arrays.get("distance")?.shape).toEqual([3, 2]);
  expect(numbersOf(arrays.get("distance") ?? wholeArray([]))).toEqual(trace.frames.flatMap(({ distance }) => distance));
  expect(arrays.get("gradient")?.shape).toEqual([2, 2, 16, 16]);
  expect(numbersOf(arrays.get("gradient_steps") ?? wholeArray([]))).toEqual([0, 1]);
  expect([...(arrays.get("input_start")?.bytes ?? [])]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("arrays that claim too much, or are cut short, are refused", async () => {
  const file = await npz({ a: doubleArray([1, 2], [2]), b: bytesArray(new Uint8Array(100), [100]) });
  await expect(readNpz(file, 100)).rejects.toThrow("too large");
  await expect(readNpz(file.subarray(0, file.length - 30), 1e6)).rejects.toThrow();
  expect(numbersOf((await readNpz(file, 1e6)).get("a") ?? wholeArray([]))).toEqual([1, 2]);
});

test("a PNG has the signature, the size and three channels", async () => {
  const file = await png(PICTURE);
  expect([...file.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const head = new DataView(file.buffer);
  expect([head.getUint32(16), head.getUint32(20), file[24], file[25]]).toEqual([2, 1, 8, 2]);
});

test("the code loads the model, and repeats the run with its pictures", async () => {
  const code = await pythonCode(runOf("sketch_to_image", {}, { picture: PICTURE }), MANIFEST.tasks, MANIFEST.model);
  expect(code).toMatch(
    /^import base64\n\nimport robust_widgets as rw\n\n# The fingerprint of the model was '0123abcd'\./,
  );
  expect(code).toContain("model = rw.load_model('fake')\npicture = base64.b64decode(\n    \"iVBOR");
  expect(code).toContain("trace = rw.sketch_to_image(picture, 'goldfish', model=model, steps=2, epsilon=40, seed=1)\n");
});

test("a run from a picture of another run starts from it", async () => {
  const code = await pythonCode(runOf("generate", {}, { start: PICTURE }), MANIFEST.tasks, MANIFEST.model);
  expect(code).toMatch(/^import base64\nimport dataclasses\n/);
  expect(code).toContain("start = rw.to_batch([start_0], problem.start.shape[-1]).to(model.device)");
});

test("code needs the picture that the run was made from", async () => {
  await expect(pythonCode(runOf("inpaint"), MANIFEST.tasks, MANIFEST.model)).rejects.toThrow(
    "does not record its picture",
  );
  await expect(pythonCode(runOf("dance"), MANIFEST.tasks, MANIFEST.model)).rejects.toThrow("does not have the task");
});

test.each([
  ["school bus", "school-bus"],
  ["../../etc", "etc"],
  ["größer: 1/2", "größer-1-2"],
  ["???", "picture"],
])("%s is saved as %s", (words, wanted) => {
  expect(fileName(words)).toBe(wanted);
});
