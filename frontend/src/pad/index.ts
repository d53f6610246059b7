// The pad: a transparent layer over the drawing canvas. It listens, and shows ink at once until Python has painted it.
import type { RenderContext } from "../anywidget";
import "../gone.css";
import { lineOf } from "../line";
import { Bar } from "./bar";
import { joinBox } from "./box";
import { Cursor } from "./cursor";
import { element } from "./dom";
import { Help, inWords } from "./help";
import { Keyboard } from "./keyboard";
import "./pad.css";
import "./paint_box.css";
import { Painter } from "./painter";
import { listenForPictures, offer } from "./picture";
import { Pointers } from "./pointers";
import type { Incoming, Model, RawModel } from "./protocol";
import { hostOf } from "./scene";
import { Viewport } from "./viewport";

const WATCHED = ["side", "display_side", "tool", "brush_size", "layer", "masking", "label"] as const;

const goneWords = (model: Model) =>
  `The kernel has ended. ${model.get("kept") ? "Run the cell again, and the painting comes back." : "Run the cell again to paint."}`;

function render({ model: raw, el }: RenderContext<RawModel>): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  // An alert is read out when words come into it.
  const notice = element("div", "rw-gone", { role: "alert" });
  const model = lineOf(raw, { kind: "hello" }, (gone) => (notice.textContent = gone ? goneWords(model) : ""), signal);
  const paper = element("canvas", "rw-pad-paper");
  const ring = element("div", "rw-pad-ring");
  const status = element("div", "rw-pad-status", { role: "status", "aria-live": "polite" });
  const badge = element("div", "rw-pad-badge", {});
  const surface = element("div", "rw-pad-surface", {
    tabindex: "0",
    role: "application",
    "aria-description": inWords(),
    // JupyterLab's shortcuts listen before us; this mark keeps B from inserting a cell while the pad has the focus.
    "data-lm-suppress-shortcuts": "true",
  });
  ring.hidden = true;
  el.classList.add("rw-pad");

  const say = (text: string) => (status.textContent = text);
  const side = () => model.get("side");
  const painter = new Painter(model, paper);
  const viewport: Viewport = new Viewport(surface, side, () => {
    bar.showZoom(viewport.zoom);
    sizeRing();
    cursor.follow();
  });
  const cursor = new Cursor(model, viewport, painter, ring, say);
  const help = new Help(() => surface.focus({ preventScroll: true }));
  const before = (show: boolean) => {
    hostOf(surface).classList.toggle("rw-before", show);
    bar.showBefore(show);
    badge.textContent = show ? "Before" : model.get("layer") === "mask" ? "Mask" : "";
  };
  const bar = new Bar({
    upload: (file) => void offer(model, file),
    zoom: (direction) => (direction ? viewport.step(direction, cursor.onSurface) : viewport.zoomTo(1)),
    before,
    help: () => help.toggle(),
  });
  const sizeRing = () => {
    const scale = (model.get("display_side") * viewport.zoom) / side();
    ring.style.setProperty("--rw-ring", `${Math.max(3, model.get("brush_size") * scale)}px`);
  };

  surface.append(paper, ring, cursor.mark, badge);
  // Beside the surface, not in it: what is inside an application is not read out by itself.
  const frame = element("div", "rw-pad-frame", {}, surface, notice, help.panel);
  el.append(frame, bar.row, status);

  const pointers: Pointers = new Pointers(
    {
      surface,
      ring,
      model,
      viewport,
      painter,
      grabbing: () => keyboard.grabbing,
      used: () => keyboard.grabbed(),
      pressed: () => cursor.hide(),
    },
    signal,
  );
  const keyboard: Keyboard = new Keyboard({ surface, model, viewport, pointers, cursor, help, before, say }, signal);
  listenForPictures(surface, model, signal);
  window.addEventListener("pagehide", () => pointers.finish(), { signal });

  const restyle = () => {
    surface.setAttribute("aria-label", model.get("label"));
    surface.dataset["tool"] = model.get("tool");
    surface.dataset["layer"] = model.get("layer");
    el.style.setProperty("--rw-pad-side", `${model.get("display_side")}px`);
    hostOf(surface).classList.toggle("rw-no-mask", !model.get("masking"));
    before(false);
    sizeRing();
    if (paper.width === side()) return;
    pointers.finish();
    painter.resize(side());
  };
  const receive = (message: Incoming) => painter.receive(message);
  for (const name of WATCHED) model.on(`change:${name}`, restyle);
  model.on("msg:custom", receive);
  restyle();
  // The pad is made before it stands on the page, among the canvases; it gets its size there.
  const placed = new ResizeObserver(() => {
    if (!surface.isConnected) return;
    placed.disconnect();
    restyle();
    joinBox(hostOf(surface), model, signal);
  });
  placed.observe(surface);
  model.send({ kind: "hello" });

  return () => {
    pointers.finish();
    cursor.finish();
    painter.stop();
    placed.disconnect();
    ended.abort();
    for (const name of WATCHED) model.off(`change:${name}`, restyle);
    model.off("msg:custom", receive);
    el.replaceChildren();
  };
}

export default { render };
