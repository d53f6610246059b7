import { beforeEach, expect, test, vi } from "vitest";
import { FakeModel } from "../../shared/tests/fakeModel";
import studio from "../src/studio/index";
import type { Incoming, Outgoing, State } from "../src/studio/messages";

const PARTS = `
  <div class="rw-pad-surface"></div><div class="rw-classes"></div><div class="rw-buttons"><button class="rw-run">Run</button></div>
  <div class="rw-panel"><button class="rw-fold">Parameters</button>
    <div class="jupyter-widgets rw-parameter rw-paper-30">
      <label title="Number of gradient steps. (steps) Paper: 60.">steps</label>
      <div class="noUi-target"></div><div role="slider"></div><div contenteditable="true">60</div></div></div>`;

let model: FakeModel<State, Incoming, Outgoing>;
let host: HTMLElement;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["requestAnimationFrame", "cancelAnimationFrame", "setTimeout", "clearTimeout"] });
  model = new FakeModel<State, Incoming, Outgoing>({
    sketches: ["goldfish", "boat"],
    photograph: true,
    folded: false,
  });
  host = document.createElement("div");
  host.className = "rw-studio";
  host.innerHTML = PARTS;
  document.body.append(host);
  const el = document.createElement("div");
  host.append(el);
  close = studio.render({ model, el });
  vi.advanceTimersToNextFrame();
});

const find = (selector: string): HTMLElement => {
  const match = host.querySelector<HTMLElement>(selector);
  if (!match) throw new Error(`no ${selector}`);
  return match;
};
const examples = () => [...host.querySelectorAll<HTMLElement>(".rw-start-example")];

test("each example asks for its run at one click", () => {
  expect(examples().map(({ textContent }) => textContent)).toEqual(["goldfish", "boat", "photo", "surprise"]);
  for (const example of examples()) example.click();
  expect(model.sent).toEqual([
    { kind: "hello" },
    { kind: "example", name: "goldfish" },
    { kind: "example", name: "boat" },
    { kind: "photograph" },
    { kind: "surprise" },
  ]);
});

test("the sketches' pictures are parts of one sheet", () => {
  model.receive({ kind: "sheet" }, "jpeg");
  const places = examples().map((example) => example.querySelector("span")?.style.backgroundPosition);
  expect(places).toEqual(["0px 0px", "-48px 0px", "", ""]);
});

test("it folds, by Python or by hand", () => {
  model.set("folded", true);
  expect([find(".rw-start-strip").hidden, find(".rw-start-fold").getAttribute("aria-expanded")]).toEqual([
    true,
    "false",
  ]);
  find(".rw-start-fold").click();
  expect([find(".rw-start-strip").hidden, model.get("folded"), model.saved]).toEqual([false, false, 1]);
});

test("panels fold without a kernel, those that come later, too", async () => {
  model.isDead = true;
  const heading = find(".rw-fold");
  expect(heading.getAttribute("aria-expanded")).toBe("true");
  heading.click();
  expect([heading.getAttribute("aria-expanded"), find(".rw-panel").classList.contains("rw-folded")]).toEqual([
    "false",
    true,
  ]);
  heading.click();
  expect(find(".rw-panel").classList.contains("rw-folded")).toBe(false);
  const later = document.createElement("button");
  later.className = "rw-fold";
  host.append(later);
  await Promise.resolve();
  vi.advanceTimersToNextFrame();
  expect(later.getAttribute("aria-expanded")).toBe("true");
});

test("a parameter gets a word of help, a mark for the paper's value, and names for its controls", () => {
  expect(find(".rw-help").textContent).toBe("Number of gradient steps. Paper: 60.");
  expect(find(".rw-paper-mark").style.left).toBe("30%");
  expect(find("[role=slider]").getAttribute("aria-label")).toBe("steps");
});

test("the tour goes through the parts that there are, and can be skipped and called again", () => {
  const bubble = () => host.querySelector<HTMLElement>(".rw-tour");
  const next = () => find(".rw-tour-next");
  find(".rw-start-tour").click();
  expect([bubble()?.getAttribute("aria-label"), document.activeElement]).toEqual(["Tour, 1 of 5: Paint", next()]);
  next().click();
  next().click();
  expect([bubble()?.textContent.includes("Run"), next().textContent]).toEqual([true, "Done"]);
  bubble()?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
  expect(bubble()?.getAttribute("aria-label")).toContain("2 of 5");
  bubble()?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  expect([bubble(), document.activeElement]).toEqual([null, find(".rw-start-tour")]);
  find(".rw-start-tour").click();
  find(".rw-tour-skip").click();
  expect(bubble()).toBeNull();
});

const busy = () => find(".rw-kernel-busy").textContent;
const deed = (name: string) => find(".rw-run").dispatchEvent(new Event(name, { bubbles: true }));

test("a kernel that does not answer what was done for a while is called busy, until it does", () => {
  deed("pointerup");
  deed("keyup");
  vi.advanceTimersByTime(600);
  expect(model.sent.slice(1)).toEqual([{ kind: "ping", number: 1 }]);
  model.receive({ kind: "pong", number: 1 });
  vi.advanceTimersByTime(10_000);
  expect(busy()).toBe("");

  deed("pointerup");
  vi.advanceTimersByTime(2000);
  expect(busy()).toBe("");
  deed("pointerup");
  vi.advanceTimersByTime(2000);
  expect(busy()).toBe("The kernel is busy. What you do here waits for it; nothing is lost.");
  model.receive({ kind: "pong", number: 1 });
  expect(busy(), "that was an older question").not.toBe("");
  model.receive({ kind: "pong", number: 2 });
  expect(busy()).toBe("");
  expect(model.sent).toHaveLength(3);
});

test("a Run that waits while the kernel answers other widgets is said, until it begins", async () => {
  find(".rw-run").click();
  vi.advanceTimersByTime(600);
  model.receive({ kind: "pong", number: 1 });
  vi.advanceTimersByTime(3000);
  await Promise.resolve();
  expect(busy()).toBe("The kernel is busy. What you do here waits for it; nothing is lost.");
  find(".rw-run").setAttribute("disabled", "");
  await vi.waitFor(() => expect(busy()).toBe(""));
  find(".rw-run").removeAttribute("disabled");
  find(".rw-run").click();
  find(".rw-run").setAttribute("disabled", "");
  await Promise.resolve();
  vi.advanceTimersByTime(600);
  model.receive({ kind: "pong", number: 2 });
  vi.advanceTimersByTime(5000);
  expect(busy()).toBe("");
});

test("a kernel that ends while it is waited for is not called busy", () => {
  deed("pointerup");
  vi.advanceTimersByTime(1000);
  model.isDead = true;
  find(".rw-start-example").click();
  vi.advanceTimersByTime(5000);
  expect([busy(), find(".rw-start > .rw-kernel-ended").textContent]).toEqual([
    "",
    "The kernel has ended. Run the cell again to paint.",
  ]);
});

test("a closed panel listens no more", () => {
  close();
  expect([model.listenerCount, host.querySelector(".rw-start"), host.querySelector(".rw-kernel-busy")]).toEqual([
    0,
    null,
    null,
  ]);
});
