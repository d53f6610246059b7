/** Asks a kernel for values, without outputs or history, and for an answer even while it is being restarted. */
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

/** What tells whether a kernel is working; a session context does. */
export interface KernelStatus {
  readonly session: { readonly kernel: { readonly status: Kernel.Status } | null } | null;
  readonly statusChanged: {
    connect(slot: () => void): boolean;
    disconnect(slot: () => void): boolean;
  };
}

/** Calls `request` again whenever the kernel was idle for `idleMs` on end and has not answered.
 *
 * A kernel that is being restarted can lose a message, and nothing in JupyterLab then notices. `request` is to be
 * harmless when it is made twice. */
export async function untilAnswered<T>(request: () => Promise<T>, context: KernelStatus, idleMs: number): Promise<T> {
  for (;;) {
    const idle = idleForLong(context, idleMs);
    try {
      const answer = await Promise.race([request().then((value) => ({ value })), idle.promise]);
      if (answer) return answer.value;
    } finally {
      idle.stop();
    }
  }
}

function idleForLong(context: KernelStatus, idleMs: number): { promise: Promise<undefined>; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let follow = (): void => undefined;
  const promise = new Promise<undefined>((resolve) => {
    follow = () => {
      clearTimeout(timer);
      if (context.session?.kernel?.status === "idle") timer = setTimeout(() => resolve(undefined), idleMs);
    };
  });
  context.statusChanged.connect(follow);
  follow();
  return {
    promise,
    stop: () => {
      clearTimeout(timer);
      context.statusChanged.disconnect(follow);
    },
  };
}
