/** Plays the runs in notebooks' outputs, even without a kernel. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { RunOutput } from "./output";
import { MIME } from "./read";

/** Ahead of HTML, which the same outputs contain for viewers without the extension. */
const RANK = 10;

export const outputPlugin: JupyterFrontEndPlugin<void> = {
  id: "robust-widgets:output",
  description: "Plays runs in notebooks' outputs, with no kernel.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, rendermime: IRenderMimeRegistry, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load("robust_widgets");
    // Only pictures and text are taken from an output, so it need not be trusted.
    rendermime.addFactory({ safe: true, mimeTypes: [MIME], createRenderer: () => new RunOutput(trans) }, RANK);
  },
};
