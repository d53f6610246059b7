import type { Kernel } from "@jupyterlab/services";
import { beforeEach, expect, test, vi } from "vitest";
import { hostAround } from "../src/studio/host";
import { valueOf } from "../src/studio/kernel";
import { Notice } from "../src/studio/notice";
import { waitForElement } from "../src/studio/waitForElement";

beforeEach(() => {
  vi.useFakeTimers();
});

test("a notice is hidden while it has nothing to say, and a warning is an alert", () => {
  const notice = new Notice();
  expect([notice.node.hidden, notice.warns]).toEqual([true, false]);
  notice.inform("Opening …");
  expect([notice.node.hidden, notice.node.getAttribute("role"), notice.warns]).toEqual([false, "status", false]);
  const restart = vi.fn();
  notice.warn("The kernel has died.", { label: "Restart", act: restart }, { label: "Close", act: vi.fn() });
  expect([notice.node.textContent, notice.warns]).toEqual(["The kernel has died.RestartClose", true]);
  notice.node.querySelector("button")?.click();
  expect(restart).toHaveBeenCalledOnce();
  notice.clear();
  expect([notice.node.hidden, notice.node.querySelectorAll("button").length]).toEqual([true, 0]);
});

test("an element that is there is found at once, another when it appears", async () => {
  vi.useRealTimers();
  document.body.innerHTML = "<p class='one'></p>";
  expect((await waitForElement(document.body, ".one", 1000))?.tagName).toBe("P");
  const later = waitForElement(document.body, ".two", 5000);
  document.body.append(Object.assign(document.createElement("i"), { className: "two" }));
  expect((await later)?.tagName).toBe("I");
});

test("an element that never appears is waited for no longer than was asked", async () => {
  const never = waitForElement(document.body, ".none", 1000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await never).toBeUndefined();
});

function kernelThat(done: Promise<unknown>) {
  const requestExecute = vi.fn().mockReturnValue({ done });
  return { requestExecute, kernel: { requestExecute } as unknown as Kernel.IKernelConnection };
}

const reply = (content: object) => Promise.resolve({ content });

test("a kernel is asked for a value without output or history", async () => {
  const data = { "text/plain": "(True, False)" };
  const { kernel, requestExecute } = kernelThat(reply({ status: "ok", user_expressions: { value: { data } } }));
  expect(await valueOf(kernel, "f()", 1000)).toBe("(True, False)");
  expect(requestExecute).toHaveBeenCalledWith({
    code: "",
    silent: true,
    store_history: false,
    user_expressions: { value: "f()" },
  });
});

test.each([
  ["fails", () => reply({ status: "error" })],
  ["raises in the expression", () => reply({ status: "ok", user_expressions: { value: { status: "error" } } })],
  ["is gone", () => Promise.reject(new Error("canceled"))],
])("a kernel that %s has no value", async (_, answer) => {
  expect(await valueOf(kernelThat(answer()).kernel, "f()", 1000)).toBeUndefined();
});

test("a busy kernel is not waited for", async () => {
  const value = valueOf(kernelThat(new Promise(() => undefined)).kernel, "f()", 1000);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await value).toBeUndefined();
});

test("an output belongs to the widget around it, if that has a kernel", () => {
  const [output, notebook, other] = [new Notice(), new Notice(), new Notice()];
  notebook.node.append(output.node);
  expect(hostAround([other, notebook], output.node)).toBeUndefined();
  const host = Object.assign(notebook, { sessionContext: {} });
  expect(hostAround([other, host], output.node)).toBe(host);
});
