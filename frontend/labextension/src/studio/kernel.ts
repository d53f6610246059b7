/** Asking a kernel for a value, past its outputs and its history. */
import type { Kernel } from "@jupyterlab/services";

/** What an expression is in Python's own notation; undefined where the kernel fails, or does not answer in time. */
export async function valueOf(
  kernel: Kernel.IKernelConnection,
  expression: string,
  milliseconds: number,
): Promise<string | undefined> {
  const asked = kernel.requestExecute({
    code: "",
    silent: true,
    store_history: false,
    user_expressions: { value: expression },
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  const done = asked.done.catch(() => undefined); // the kernel is gone
  try {
    const reply = await Promise.race([done, late]);
    if (reply?.content.status !== "ok") return undefined;
    const { data } = (reply.content.user_expressions["value"] ?? {}) as { data?: Record<string, unknown> };
    const text = data?.["text/plain"];
    return typeof text === "string" ? text : undefined;
  } finally {
    clearTimeout(timer);
  }
}

export function isAlive(kernel: Kernel.IKernelConnection | null | undefined): kernel is Kernel.IKernelConnection {
  return !!kernel && kernel.status !== "dead" && kernel.connectionStatus === "connected";
}
