/** Robust Studio in JupyterLab. */
import { viewerPlugin } from "./viewer/plugin";

export default [viewerPlugin];
