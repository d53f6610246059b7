/** Robust Studio in JupyterLab. */
import { studioPlugin } from "./studio/plugin";
import { viewerPlugin } from "./viewer/plugin";

export default [studioPlugin, viewerPlugin];
