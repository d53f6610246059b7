/** A line above the studio: what it is doing, or what went wrong and how to solve it. */
import { Widget } from "@lumino/widgets";
import "../../style/studio.css";
import { element, setText } from "@robust-widgets/shared/dom";

export interface Remedy {
  label: string;
  act: () => void;
}

export class Notice extends Widget {
  private readonly words = element("span", "");
  private buttons: HTMLButtonElement[] = [];

  constructor() {
    super();
    this.addClass("rw-tab-notice");
    this.node.append(this.words);
    this.clear();
  }

  /** Whether a warning is shown. */
  get warns(): boolean {
    return !this.node.hidden && this.node.getAttribute("role") === "alert";
  }

  /** Shows a text that screen readers read out when idle. */
  inform(text: string, ...remedies: Remedy[]): void {
    this.put("status", text, remedies);
  }

  /** Shows a text that screen readers read out at once. */
  warn(text: string, ...remedies: Remedy[]): void {
    this.put("alert", text, remedies);
  }

  clear(): void {
    this.put("status", "", []);
  }

  private put(role: "status" | "alert", text: string, remedies: Remedy[]): void {
    this.node.setAttribute("role", role);
    this.node.hidden = !text;
    for (const button of this.buttons) button.remove();
    this.buttons = remedies.map(({ label, act }, index) => {
      const button = element("button", `jp-mod-styled jp-mod-${index ? "reject" : "accept"}`, { type: "button" });
      setText(button, label);
      button.addEventListener("click", act);
      return button;
    });
    this.node.append(...this.buttons);
    setText(this.words, text);
  }
}
