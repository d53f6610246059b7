/** The extension's icons. */
import { LabIcon } from "@jupyterlab/ui-components";
import runSvg from "../style/run.svg";
import studioSvg from "../style/studio.svg";

export const studioIcon = new LabIcon({ name: "robust-widgets:studio", svgstr: studioSvg });
export const runIcon = new LabIcon({ name: "robust-widgets:run", svgstr: runSvg });

/** For the launcher, which takes a URL only. */
export const studioIconUrl = `data:image/svg+xml,${encodeURIComponent(studioSvg)}`;
