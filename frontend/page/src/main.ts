/** Robust Studio on a page of its own. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { WorkerSession } from "./engine/session";
import { chooseLanguage, sayProblem } from "./messages/language";
import "./style/theme.css";
import "./style/page.css";
import "./style/messages.css";
import "./style/paint.css";
import "./style/controls.css";
import "./style/examples.css";
import { start } from "./start";
import { registerServiceWorker } from "./studio/offline";

async function open(): Promise<void> {
  chooseLanguage();
  const compute = new URLSearchParams(location.search).get("compute");
  const session = await WorkerSession.open(undefined, compute === "webgpu" || compute === "wasm" ? compute : null);
  await start(session.manifest, session, document.body);
  document.documentElement.dataset["ready"] = "true";
  registerServiceWorker();
}

/** Opens the studio; where that fails, says why, with a button that tries again. */
function tryToOpen(): void {
  open().catch((error: unknown) => {
    const problem = error instanceof Error ? error : { message: String(error) };
    const words = say("The studio could not be opened: %1", sayProblem(problem));
    const again = element("button", "rs-button", { type: "button" }, say("Try again"));
    const box = element("div", "rs-failed", {}, element("p", "", { role: "alert" }, words), again);
    again.addEventListener("click", () => {
      document.body.replaceChildren();
      tryToOpen();
    });
    document.body.append(box);
  });
}

tryToOpen();
