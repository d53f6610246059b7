/** Dialogs over the page. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";

let count = 0;

/** Opens a dialog. It closes with Escape and with its button.
 *
 * @returns closes it */
export function openDialog(title: string, content: HTMLElement, closed: () => void = () => undefined): () => void {
  const id = `rs-dialog-${++count}`;
  const closing = element("button", "rs-plain", { type: "button", "aria-label": say("Close") }, "×");
  const head = element("div", "rs-dialog-head", {}, element("h2", "", { id }, title), closing);
  const dialog = element("dialog", "rs-dialog", { "aria-labelledby": id }, head, content);
  closing.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  // A click on the backdrop.
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return () => dialog.close();
}
