/** Chooses a task: radio buttons in a row, of which Tab reaches the chosen one and arrow keys go on. */
import { element, nextTabStop, setText, setTabStop } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import type { TaskDeclaration } from "../manifest";

export class TaskChooser {
  readonly root: HTMLElement;
  private readonly hint = element("p", "rs-hint", { id: "rs-task-hint" });
  private readonly buttons: HTMLButtonElement[];

  constructor(
    private readonly tasks: readonly TaskDeclaration[],
    choose: (task: TaskDeclaration) => void,
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
    this.root = element("div", "rs-task-box", {}, row, this.hint);
    row.hidden = tasks.length < 2;
  }

  show(task: TaskDeclaration): void {
    const chosen = this.buttons[this.tasks.indexOf(task)];
    for (const button of this.buttons) button.setAttribute("aria-checked", String(button === chosen));
    setTabStop(this.buttons, chosen);
    setText(this.hint, say(task.hint));
    if (chosen?.parentElement && chosen.parentElement.scrollWidth > chosen.parentElement.clientWidth) {
      chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }
}
