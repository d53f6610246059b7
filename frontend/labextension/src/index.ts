/** Robust Studio in JupyterLab. */
import { detachedPlugin } from "./detached/plugin";
import { outputPlugin } from "./output/plugin";
import { studioPlugin } from "./studio/plugin";
import { viewerPlugin } from "./viewer/plugin";

export default [studioPlugin, viewerPlugin, outputPlugin, detachedPlugin];
