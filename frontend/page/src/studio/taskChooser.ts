/** Chooses a task: radio buttons in a row, of which Tab reaches the chosen one and arrow keys go on. */
import { element, nextTabStop, setText, setTabStop } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import type { TaskDeclaration } from "../manifest";

export class TaskChooser {
  readonly root: HTMLElement;
  private readonly hint = element("p", "rs-hint", { id: "rs-task-hint" });
  private readonly buttons: HTMLButtonElement[];

  /** @param missing tasks that the page does not have, with the reason in a sentence, which `explain` shows */
  constructor(
    private readonly tasks: readonly TaskDeclaration[],
    choose: (task: TaskDeclaration) => void,
    missing: Readonly<Record<string, string>> = {},
    explain: (reason: string) => void = () => undefined,
  ) {
    this.buttons = tasks.map((task) => {
      const button = element("button", "rs-task", { type: "button", role: "radio" }, say(task.label));
      button.title = say(task.summary);
      button.addEventListener("click", () => choose(task));
      return button;
    });
    const attributes = { role: "radiogroup", "aria-label": say("Task"), "aria-describedby": this.hint.id };
    const row = element("div", "rs-tasks", attributes, ...this.buttons);
    row.addEventListener("keydown", (event) => {
      const next = nextTabStop(this.buttons, event.target, event.key);
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    });
    const others = Object.entries(missing).map(([name, reason]) => {
      const button = element("button", "rs-task rs-task-missing", { type: "button", title: reason }, labelOf(name));
      button.addEventListener("click", () => explain(reason));
      return button;
    });
    const whole = element("div", "rs-task-row", {}, row, ...others);
    this.root = element("div", "rs-task-box", {}, whole, this.hint);
    whole.hidden = tasks.length < 2;
  }

  show(task: TaskDeclaration): void {
    const chosen = this.buttons[this.tasks.indexOf(task)];
    for (const button of this.buttons) button.setAttribute("aria-checked", String(button === chosen));
    setTabStop(this.buttons, chosen);
    setText(this.hint, say(task.hint));
    const row = chosen?.parentElement?.parentElement;
    if (chosen && row && row.scrollWidth > row.clientWidth) {
      chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }
}

/** The name of a task in words, as its label in Python. */
function labelOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return say(words.charAt(0).toUpperCase() + words.slice(1));
}
