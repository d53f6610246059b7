/** The part of a studio in a notebook whose runs are computed by this browser. One for each studio of a page. */
import type { RenderContext } from "@robust-widgets/shared/model";
import { WorkerSession } from "../engine/session";
import { findEngine } from "./files";
import { Host, type Model } from "./host";

const parts = {
  findEngine,
  openSession: (...of: ConstructorParameters<typeof WorkerSession>) => new WorkerSession(...of),
};

/** anywidget calls this once for each model, and `render` for each view of it. */
export default () => {
  let host: Host | null = null;
  const render = ({ model }: RenderContext<Model>): (() => void) => {
    host ??= new Host(model, parts, () => (host = null));
    const own = host;
    own.show();
    return () => own.hide();
  };
  return { render };
};
