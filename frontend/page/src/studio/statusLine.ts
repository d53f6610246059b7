/** A sentence for the person, with details one click away. As `status_line.py`. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { InputError } from "./problems";

export type Kind = "info" | "warning" | "error";

/** A way on, as a button next to the sentence. */
export interface Remedy {
  readonly label: string;
  act(): void;
}

export class StatusLine {
  readonly root = element("div", "rs-status");
  private readonly sentence = element("p", "rs-status-text", { role: "status", "aria-live": "polite" });
  private readonly alert = element("p", "rs-status-text", { role: "alert" });
  private readonly details = element("details", "rs-status-details");
  private readonly action = element("button", "rs-button rs-small rs-status-action", { type: "button" });
  private remedy: Remedy | null = null;
  private current = "";

  constructor() {
    const closing = element("button", "rs-plain", { type: "button", "aria-label": say("Close this message") }, "×");
    closing.addEventListener("click", () => this.clear());
    this.action.addEventListener("click", () => {
      const { remedy } = this;
      this.clear();
      if (remedy) this.guard(() => remedy.act());
    });
    this.root.append(this.sentence, this.alert, this.action, this.details, closing);
    this.clear();
  }

  get text(): string {
    return this.current;
  }

  /** Whether something is wrong that nobody has closed. */
  get isError(): boolean {
    return this.root.dataset["kind"] === "error" && this.current !== "";
  }

  show(text: string, kind: Kind = "info", details = "", remedy: Remedy | null = null): void {
    this.current = text;
    this.remedy = remedy;
    this.action.hidden = !remedy;
    this.action.textContent = remedy?.label ?? "";
    this.root.dataset["kind"] = kind;
    this.root.hidden = !text;
    this.sentence.textContent = kind === "error" ? "" : text;
    this.alert.textContent = kind === "error" ? text : "";
    this.details.hidden = !details;
    this.details.open = false;
    this.details.replaceChildren(element("summary", "", {}, say("Details")), element("pre", "", {}, details));
  }

  clear(): void {
    this.show("");
  }

  /** Does something, and shows its problem here; the painting is never touched by it. */
  guard(action: () => void | Promise<void>): void {
    try {
      const result = action();
      if (result instanceof Promise) result.catch((error: unknown) => this.report(error));
    } catch (error) {
      this.report(error);
    }
  }

  report(error: unknown): void {
    if (error instanceof InputError) this.show(error.message, "error");
    else {
      console.error(error);
      const [text, stack] = error instanceof Error ? [error.message, error.stack ?? ""] : [String(error), ""];
      this.show(say("Something unexpected went wrong: %1", text), "error", stack);
    }
  }
}
