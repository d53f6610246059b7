/** A line over the studio: what is going on, or what went wrong and what can be done about it. */
import { Widget } from "@lumino/widgets";
import { element, say } from "../../../frontend/src/view/dom";

export interface Remedy {
  label: string;
  act: () => void;
}

export class Notice extends Widget {
  private readonly words = element("span", "");
  private readonly button = element("button", "jp-mod-styled jp-mod-accept", { type: "button" });
  private act: (() => void) | undefined;

  constructor() {
    super();
    this.addClass("rw-tab-notice");
    this.button.addEventListener("click", () => this.act?.());
    this.node.append(this.words, this.button);
    this.clear();
  }

  /** Whether there is something that a person must know. */
  get warns(): boolean {
    return !this.node.hidden && this.node.getAttribute("role") === "alert";
  }

  /** Something that a person may know. */
  say(text: string, remedy?: Remedy): void {
    this.put("status", text, remedy);
  }

  /** Something that a person must know. */
  warn(text: string, remedy?: Remedy): void {
    this.put("alert", text, remedy);
  }

  clear(): void {
    this.put("status", "");
  }

  private put(role: "status" | "alert", text: string, remedy?: Remedy): void {
    this.node.setAttribute("role", role);
    this.node.hidden = !text;
    this.act = remedy?.act;
    this.button.hidden = !remedy;
    say(this.button, remedy?.label ?? "");
    say(this.words, text);
  }
}
