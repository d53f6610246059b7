/** Plays the runs in notebooks' outputs, also when the notebook is opened again and has no kernel. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { RunOutput } from "./output";
import { MIME } from "./read";

/** Before HTML, which the same outputs carry for where there is no extension. */
const RANK = 10;

export const outputPlugin: JupyterFrontEndPlugin<void> = {
  id: "robust-widgets:output",
  description: "Plays runs in notebooks' outputs, with no kernel.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, rendermime: IRenderMimeRegistry, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load("robust_widgets");
    // Pictures and text alone are taken out of an output, so it need not be trusted.
    rendermime.addFactory({ safe: true, mimeTypes: [MIME], createRenderer: () => new RunOutput(trans) }, RANK);
  },
};
