/** The pad: a transparent layer over the canvases. It takes the input, and shows ink at once until Python has drawn it. */
import { connect, kernelText, type Kernel } from "@robust-widgets/shared/connection";
import { element } from "@robust-widgets/shared/dom";
import "@robust-widgets/shared/kernelEnded.css";
import "@robust-widgets/shared/tokens.css";
import type { Buffers, RenderContext } from "@robust-widgets/shared/model";
import { say } from "@robust-widgets/shared/translation";
import { Bar } from "./bar";
import { connectBox } from "./box";
import "./box.css";
import { Cursor } from "./cursor";
import { Help, shortcutsInWords } from "./help";
import { Keyboard } from "./keyboard";
import { choose, type Incoming, type Model, type Place, type RasterLayer, type RawModel } from "./messages";
import "./pad.css";
import "./help.css";
import "./colors.css";
import { LayerList, refusal } from "./layerList";
import "./layers.css";
import "./place.css";
import { bringPicture, listenForPictures, type SmallPicture } from "./picture";
import { Pen } from "./pen";
import "./pen.css";
import { PictureColors } from "./pictureColors";
import { Placement } from "./placement";
import { Pointers } from "./pointers";
import { ResultOverlay } from "./result";
import { colorAt, hostOf } from "./scene";
import { Strokes } from "./strokes";
import { Viewport } from "./viewport";

const WATCHED = [
  "side",
  "display_side",
  "tool",
  "brush_size",
  "layer",
  "masking",
  "label",
  "hint",
  "mirror",
  "hidden",
  "locked",
] as const;
const LEAST_RING = 3;
/** How long the painting says why it refused something. */
const NOTICE_MS = 2500;

const textOf = (kernel: Kernel, model: Model): string => {
  const next = model.get("autosaved") ? "Run the cell again to restore the painting." : "Run the cell again to paint.";
  return kernelText(kernel, "studio", next);
};

function render({ model: raw, el }: RenderContext<RawModel>): () => void {
  const closed = new AbortController();
  const { signal } = closed;
  // Screen readers read an alert when its text changes.
  const notice = element("div", "rw-kernel-ended", { role: "alert" });
  const onConnectionChange = (kernel: Kernel) => (notice.textContent = textOf(kernel, model));
  const model = connect(raw, el, { kind: "hello" }, onConnectionChange, signal);
  const paper = element("canvas", "rw-pad-paper");
  const ring = element("div", "rw-pad-ring");
  const status = element("div", "rw-pad-status", { role: "status", "aria-live": "polite" });
  const badge = element("div", "rw-pad-badge");
  const hint = element("div", "rw-pad-hint", { "aria-hidden": "true" });
  const surface = element("div", "rw-pad-surface", {
    tabindex: "0",
    role: "application",
    "data-drop": say("Drop the picture here"),
    "aria-description": shortcutsInWords(),
    // JupyterLab handles shortcuts before the pad does; without this, B would insert a cell.
    "data-lm-suppress-shortcuts": "true",
  });
  ring.hidden = true;
  el.classList.add("rw-pad");

  const announce = (text: string) => (status.textContent = text);
  const side = () => model.get("side");
  /** Says why nothing can be done on a layer; false if something can. */
  const refuses = (layer: RasterLayer): boolean => {
    const why = refusal(layer, model.get("hidden"), model.get("locked"));
    if (why) notify(why);
    return why !== undefined;
  };
  let noticeTimer = 0;
  const notify = (text: string) => {
    announce(text);
    badge.textContent = text;
    clearTimeout(noticeTimer);
    noticeTimer = window.setTimeout(showBadge, NOTICE_MS);
  };
  const pen = new Pen();
  const strokes = new Strokes(model, paper, refuses, () => pen.pressure);
  const viewport: Viewport = new Viewport(surface, side, () => {
    bar.setZoom(viewport.zoom);
    resizeRing();
    cursor.update();
    placement.update();
  });
  const cursor = new Cursor(model, viewport, strokes, ring, announce, (at) => showColor(at));
  const focusSurface = () => (placement.isActive ? placement.area : surface).focus({ preventScroll: true });
  const help = new Help(focusSurface);
  const showBefore = (show: boolean) => {
    hostOf(surface).classList.toggle("rw-before", show);
    bar.setBefore(show);
    showBadge();
  };
  const showBadge = () => {
    const isBefore = hostOf(surface).classList.contains("rw-before");
    badge.textContent = isBefore ? say("Before") : model.get("layer") === "mask" ? say("Mask") : "";
  };
  const zoom = (direction: 1 | -1 | 0) => {
    if (direction) viewport.step(direction, cursor.onSurface);
    else viewport.zoomTo(1);
  };
  const placement: Placement = new Placement(
    {
      root: el,
      viewport,
      side,
      announce,
      put: ({ name, blob, data }, place) => model.send({ kind: "picture", name, type: blob.type, place }, [data]),
      returnFocus: () => surface.focus({ preventScroll: true }),
      run: () => model.send({ kind: "action", name: "run" }),
      help: () => help.toggle(),
    },
    signal,
  );
  const bring = (picture: SmallPicture) => {
    if (refuses("image")) return;
    pointers.finish();
    cursor.finish();
    placement.begin(picture);
  };
  const upload = (file: File) => void bringPicture(model, file, bring);
  const result = new ResultOverlay();
  const bar = new Bar({
    upload,
    zoom,
    showBefore,
    help: () => help.toggle(),
    colors: () => toggleColors(),
    mirror: (mirror) => choose(model, "mirror", mirror),
  });
  const changed = (name: "hidden" | "locked", layer: RasterLayer, isIn: boolean) =>
    choose(model, name, [...model.get(name).filter((other) => other !== layer), ...(isIn ? [layer] : [])]);
  const layers = new LayerList({
    hide: (layer, isHidden) => changed("hidden", layer, isHidden),
    lock: (layer, isLocked) => changed("locked", layer, isLocked),
    showResult: (opacity) => result.show(opacity),
  });
  const useColor = (color: string) => {
    choose(model, "color", color);
    if (["eraser", "eyedropper"].includes(model.get("tool"))) choose(model, "tool", "brush");
  };
  const pictureColors = new PictureColors(useColor);
  const toggleColors = () => {
    if (pictureColors.isShown) pictureColors.hide();
    else if (!pictureColors.show(hostOf(surface))) notify(say("There is no picture yet"));
    bar.setColors(pictureColors.isShown);
  };
  // The picture may have become another one.
  pictureColors.root.addEventListener("pointerenter", () => pictureColors.show(hostOf(surface)), { signal });
  const color = element("div", "rw-pad-color");
  color.hidden = true;
  const showColor = (at: Place | null): string => {
    const picked = at && colorAt(hostOf(surface), viewport.toRasterFrom(at));
    color.hidden = !picked;
    if (!at || !picked) return "";
    color.textContent = picked;
    color.style.setProperty("--rw-picked", picked);
    color.style.left = `${at[0]}px`;
    color.style.top = `${at[1]}px`;
    return picked;
  };
  const resizeRing = () => {
    const scale = (model.get("display_side") * viewport.zoom) / side();
    ring.style.setProperty("--rw-ring", `${Math.max(LEAST_RING, model.get("brush_size") * scale)}px`);
  };

  surface.append(hint, result.canvas, paper, ring, cursor.mark, color, badge);
  // The notice is outside the surface: screen readers announce nothing inside role="application".
  const frame = element("div", "rw-pad-frame", {}, surface, placement.layer, notice, help.panel);
  el.append(frame, bar.row, pictureColors.root, pen.root, layers.root, status);

  const pointers: Pointers = new Pointers(
    {
      surface,
      ring,
      model,
      viewport,
      strokes,
      isPanKeyHeld: () => keyboard.isSpaceHeld,
      usedPanKey: () => keyboard.usedSpace(),
      pressed: () => cursor.hide(),
      showColor,
      curved: (pressure) => pen.curved(pressure),
    },
    signal,
  );
  const nextMirror = () => {
    if (model.get("mirror")) announce(bar.setMirror(bar.nextMirror()));
  };
  const toggleLayer = () => {
    const layer = model.get("layer");
    const isHidden = !model.get("hidden").includes(layer);
    changed("hidden", layer, isHidden);
    notify(refusal(layer, isHidden ? [layer] : [], []) ?? (layer === "mask" ? say("mask shown") : say("sketch shown")));
  };
  const keyboard: Keyboard = new Keyboard(
    { surface, model, viewport, pointers, cursor, help, showBefore, announce, nextMirror, toggleLayer, toggleColors },
    signal,
  );
  for (const part of [surface, placement.layer]) listenForPictures(part, model, bring, signal);
  window.addEventListener("pagehide", () => pointers.finish(), { signal });

  const update = () => {
    surface.setAttribute("aria-label", model.get("label"));
    hint.textContent = model.get("hint") ?? "";
    surface.dataset["tool"] = model.get("tool");
    surface.dataset["mirror"] = model.get("mirror") ?? "none";
    bar.setMirror(model.get("mirror"));
    surface.dataset["layer"] = model.get("layer");
    el.style.setProperty("--rw-pad-side", `${model.get("display_side")}px`);
    const [hidden, masking] = [model.get("hidden"), model.get("masking")];
    hostOf(surface).classList.toggle("rw-no-mask", !masking || hidden.includes("mask"));
    layers.update(hidden, model.get("locked"), masking);
    showBefore(false);
    resizeRing();
    if (paper.width === side()) return;
    pointers.finish();
    strokes.resize(side());
  };
  const receive = (message: Incoming, buffers: Buffers) => {
    if (message.kind !== "bring") strokes.receive(message);
    else if (buffers[0]) upload(new File([buffers[0]], message.name, { type: message.type }));
  };
  for (const name of WATCHED) model.on(`change:${name}`, update);
  model.on("msg:custom", receive);
  update();
  // The pad is rendered before it is attached next to the canvases, and has no size until then.
  const attached = new ResizeObserver(() => {
    if (!surface.isConnected) return;
    attached.disconnect();
    update();
    connectBox(hostOf(surface), model, signal);
    if (result.follow(el, signal)) layers.offerResult();
  });
  attached.observe(surface);
  model.send({ kind: "hello" });

  return () => {
    pointers.finish();
    cursor.finish();
    clearTimeout(noticeTimer);
    placement.close();
    strokes.stop();
    attached.disconnect();
    closed.abort();
    for (const name of WATCHED) model.off(`change:${name}`, update);
    model.off("msg:custom", receive);
    el.replaceChildren();
  };
}

export default { render };
