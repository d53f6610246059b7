/** Evaluates expressions in a kernel without outputs or history. */
import type { Kernel } from "@jupyterlab/services";

/** The ``repr`` of an expression; undefined if the kernel fails or does not answer in time. */
export async function valueOf(
  kernel: Kernel.IKernelConnection,
  expression: string,
  milliseconds: number,
): Promise<string | undefined> {
  const request = kernel.requestExecute({
    code: "",
    silent: true,
    store_history: false,
    user_expressions: { value: expression },
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  const done = request.done.catch(() => undefined); // The kernel is gone.
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
