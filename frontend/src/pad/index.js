import "./pad.css";
// The pad: a transparent layer over the drawing canvas. It listens, and shows ink at once until Python has painted it.
// Coordinates in messages are raster units: 0..side from the left and from the top, a pixel's centre at + 0.5.

const BATCH_MS = 100;
const SETTLE_MS = 40;
const LONGEST_SIDE = 1024;
const LARGEST_PNG = 2 * 1024 * 1024;
const SHORTCUTS =
  "B brush, E eraser, G fill, I pick a colour, [ and ] brush size, Control Z undo, Control Shift Z redo, " +
  "Control Enter run, Escape stop. Drop or paste a picture to start from it.";
/** @type {Record<string, PadAction>} */
const PLAIN_KEYS = {
  b: "brush", e: "eraser", g: "fill", i: "eyedropper", "[": "smaller", "]": "larger", escape: "stop",
};
const WATCHED = /** @type {const} */ (["side", "display_side", "tool", "brush_size", "label"]);

// Random start, so that two browser tabs on one notebook do not use the same stroke numbers.
let nextStroke = Math.floor(Math.random() * 2 ** 32) * 2 ** 16;

/** @typedef {[number, number, number]} Shade red, green, blue, each 0..255 */

/** @param {string} hex @returns {Shade} */
const shade = (hex) => {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
};

// The eraser leaves a pale chequered veil: what it takes away will show what lies below.
const VEIL_OPACITY = 0.75;
const VEIL = [shade("#ffffff"), shade("#cdd6e2")];

/** One stroke's ink, the same shape as Raster paints in Python: each pixel keeps its largest coverage, so that a stroke
 * crossing itself does not build up. */
class Ink {
  /** @param {PadModel} model */
  constructor(model) {
    this.id = nextStroke++;
    this.ended = false;
    this.painted = false;
    this.side = model.get("side");
    this.radius = model.get("brush_size") / 2;
    this.softness = model.get("softness");
    const erasing = model.get("tool") === "eraser";
    const color = shade(model.get("color"));
    this.opacity = erasing ? VEIL_OPACITY : 1;
    this.shades = erasing ? VEIL : [color, color];
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = this.side;
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = this.context.createImageData(this.side, this.side);
    this.coverage = new Uint8Array(this.side * this.side);
    /** @type {PadPoint | null} */
    this.last = null;
  }

  /** @param {PadPoint} point */
  reach(point) {
    const [ax, ay, ap] = this.last ?? point;
    const [bx, by, bp] = point;
    this.last = point;
    const startRadius = this.radius * (0.3 + 0.7 * ap);
    const radiusGrowth = this.radius * (0.3 + 0.7 * bp) - startRadius;
    const widest = Math.max(startRadius, startRadius + radiusGrowth) + 1;
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - widest));
    const top = Math.max(0, Math.floor(Math.min(ay, by) - widest));
    const right = Math.min(this.side, Math.ceil(Math.max(ax, bx) + widest));
    const bottom = Math.min(this.side, Math.ceil(Math.max(ay, by) + widest));
    if (left >= right || top >= bottom) return;
    const dx = bx - ax;
    const dy = by - ay;
    const lengthSquared = dx * dx + dy * dy;
    const data = this.image.data;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const px = x + 0.5 - ax;
        const py = y + 0.5 - ay;
        const along = lengthSquared ? Math.min(1, Math.max(0, (px * dx + py * dy) / lengthSquared)) : 0;
        const radius = startRadius + along * radiusGrowth;
        const distance = Math.hypot(px - along * dx, py - along * dy);
        const covered = Math.round(255 * Math.min(1, (radius + 0.5 - distance) / (this.softness * radius + 1)));
        const at = y * this.side + x;
        if (covered <= (this.coverage[at] ?? 0)) continue;
        this.coverage[at] = covered;
        data.set(this.shades[((x >> 2) + (y >> 2)) & 1] ?? [0, 0, 0], 4 * at);
        data[4 * at + 3] = covered * this.opacity;
      }
    }
    this.context.putImageData(this.image, 0, 0, left, top, right - left, bottom - top);
  }
}

/** @param {HTMLCanvasElement} canvas @param {string} type @returns {Promise<Blob>} */
const encoded = (canvas, type) =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("not encoded"))), type, 0.92);
  });

/** @param {CanvasImageSource} source @param {number} width @param {number} height @param {string} [backing] */
function drawnAt(source, width, height, backing) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (backing) {
    context.fillStyle = backing;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Decode a picture file and make it small enough to send: halved until one last step reaches the size.
 * @param {Blob} file @returns {Promise<Blob>} */
async function reduced(file) {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    // An SVG file may have no size of its own.
    const [width, height] = [image.naturalWidth || LONGEST_SIDE, image.naturalHeight || LONGEST_SIDE];
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    /** @type {CanvasImageSource} */
    let source = image;
    for (let part = 0.5; part > scale; part /= 2) source = drawnAt(source, width * part, height * part);
    const png = await encoded(drawnAt(source, width * scale, height * scale), "image/png");
    if (png.size <= LARGEST_PNG) return png;
    return await encoded(drawnAt(source, width * scale, height * scale, "#ffffff"), "image/jpeg");
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param {DataTransfer | null} transfer @returns {File | undefined} the first picture, else the first file */
const pictureIn = (transfer) =>
  [...(transfer?.files ?? [])].sort((a, b) => Number(b.type.startsWith("image/")) - Number(a.type.startsWith("image/")))[0];

/** @param {RenderContext<PadModel>} context */
function render({ model, el }) {
  const ended = new AbortController();
  const { signal } = ended;
  const surface = document.createElement("div");
  const paper = document.createElement("canvas");
  const ring = document.createElement("div");
  const paperContext = /** @type {CanvasRenderingContext2D} */ (paper.getContext("2d"));
  el.classList.add("rw-pad");
  surface.className = "rw-pad-surface";
  surface.tabIndex = 0;
  surface.setAttribute("role", "application");
  surface.setAttribute("aria-description", SHORTCUTS);
  // JupyterLab's shortcuts listen before us; this mark keeps B from inserting a cell while the pad has the focus.
  surface.setAttribute("data-lm-suppress-shortcuts", "true");
  ring.className = "rw-pad-ring";
  ring.hidden = true;
  surface.append(paper, ring);
  el.append(surface);

  /** @type {Ink[]} */
  let inks = [];
  /** @type {{ ink: Ink, pointer: number, begun: boolean, unsent: PadPoint[], timer: number } | null} */
  let stroke = null;
  let drawAsked = 0;

  const draw = () => {
    drawAsked = 0;
    paperContext.clearRect(0, 0, paper.width, paper.height);
    for (const ink of inks) paperContext.drawImage(ink.canvas, 0, 0);
  };
  const askDraw = () => (drawAsked ||= requestAnimationFrame(draw));

  /** @param {PointerEvent} event @returns {[number, number]} */
  const position = (event) => {
    const box = surface.getBoundingClientRect();
    const units = (/** @type {number} */ pixels) => Math.round((100 * model.get("side") * pixels) / (box.width || 1)) / 100;
    return [units(event.clientX - box.left), units(event.clientY - box.top)];
  };

  /** @param {PointerEvent} event */
  const extend = (event) => {
    if (!stroke) return;
    const [x, y] = position(event);
    const pressure = event.pointerType === "pen" ? Math.round(event.pressure * 1000) / 1000 : 1;
    const last = stroke.ink.last;
    const apart = Math.max(0.4, stroke.ink.radius * 0.08);
    if (last && Math.hypot(x - last[0], y - last[1]) < apart && Math.abs(pressure - last[2]) < 0.05) return;
    /** @type {PadPoint} */
    const point = [x, y, pressure];
    stroke.unsent.push(point);
    stroke.ink.reach(point);
    askDraw();
  };

  /** @param {"move" | "end"} phase */
  const flush = (phase) => {
    if (!stroke || (phase === "move" && !stroke.unsent.length)) return;
    const id = stroke.ink.id;
    let points = stroke.unsent;
    stroke.unsent = [];
    if (!stroke.begun) {
      stroke.begun = true;
      model.send({ kind: "stroke", id, phase: "begin", points });
      points = [];
    }
    if (points.length || phase === "end") model.send({ kind: "stroke", id, phase, points });
  };

  const finish = () => {
    if (!stroke) return;
    flush("end");
    clearInterval(stroke.timer);
    const { ink, pointer } = stroke;
    stroke = null;
    ink.ended = true;
    if (surface.hasPointerCapture(pointer)) surface.releasePointerCapture(pointer);
    if (ink.painted) removeSoon(ink);
  };

  /** Python has put this stroke on the canvas below; wait until that is on the screen too. @param {Ink} ink */
  const removeSoon = (ink) => {
    const remove = () => {
      inks = inks.filter((other) => other !== ink);
      askDraw();
    };
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(remove, SETTLE_MS)));
  };

  /** @param {PadIncoming} message */
  const receive = (message) => {
    if (message.kind === "clear") {
      inks = stroke ? [stroke.ink] : [];
      askDraw();
    } else if (message.kind === "painted") {
      const ink = inks.find(({ id, painted }) => id === message.id && !painted);
      if (!ink) return;
      ink.painted = true;
      if (ink.ended) removeSoon(ink);
    }
  };

  const restyle = () => {
    const side = model.get("side");
    const shown = model.get("display_side");
    surface.setAttribute("aria-label", model.get("label"));
    surface.dataset["tool"] = model.get("tool");
    surface.style.setProperty("--rw-pad-side", `${shown}px`);
    ring.style.setProperty("--rw-ring", `${Math.max(3, (model.get("brush_size") * shown) / side)}px`);
    if (paper.width === side) return;
    finish();
    paper.width = paper.height = side;
    inks = [];
  };

  /** @param {PointerEvent} event */
  const follow = (event) => {
    const brushing = ["brush", "eraser"].includes(model.get("tool")) && (stroke !== null || !event.altKey);
    surface.classList.toggle("rw-pad-aim", !brushing);
    ring.hidden = !brushing || event.pointerType === "touch";
    const [x, y] = position(event);
    ring.style.left = `${(100 * x) / model.get("side")}%`;
    ring.style.top = `${(100 * y) / model.get("side")}%`;
  };

  /** @param {PointerEvent} event */
  const press = (event) => {
    event.stopPropagation();
    if (stroke || event.button !== 0 || !event.isPrimary) return;
    surface.focus({ preventScroll: true, focusVisible: false });
    const tool = model.get("tool");
    if (tool === "eyedropper" || event.altKey) model.send({ kind: "pick", point: position(event) });
    else if (tool === "fill") model.send({ kind: "fill", point: position(event) });
    else {
      const ink = new Ink(model);
      inks.push(ink);
      const timer = window.setInterval(() => flush("move"), BATCH_MS);
      stroke = { ink, pointer: event.pointerId, begun: false, unsent: [], timer };
      extend(event);
      try {
        surface.setPointerCapture(event.pointerId);
      } catch {
        // The pointer is gone already; the stroke ends with its release all the same.
      }
    }
    event.preventDefault();
  };

  /** @param {PointerEvent} event */
  const move = (event) => {
    if (stroke && event.pointerId !== stroke.pointer) return;
    follow(event);
    if (!stroke) return;
    if (event.pointerType === "mouse" && !(event.buttons & 1)) return finish();
    const all = event.getCoalescedEvents?.() ?? [];
    for (const part of all.length ? all : [event]) extend(part);
  };

  /** @param {PointerEvent} event */
  const release = (event) => {
    if (!stroke || event.pointerId !== stroke.pointer) return;
    if (event.type === "pointerup" && event.pointerType !== "pen") extend(event);
    finish();
  };

  /** @param {KeyboardEvent} event @returns {PadAction | undefined} */
  const actionFor = (event) => {
    const key = (event.key ?? "").toLowerCase(); // a browser's own form filling sends keys without a name
    // Many keyboards make brackets with AltGr, which counts as Control and Alt.
    if (/^[[\]]$/.test(key) && (event.altKey || !event.ctrlKey) && !event.metaKey) return PLAIN_KEYS[key];
    if (event.ctrlKey || event.metaKey) {
      if (event.altKey) return undefined;
      if (key === "z") return event.shiftKey ? "redo" : "undo";
      if (event.shiftKey) return undefined;
      if (key === "y" && event.ctrlKey) return "redo";
      return key === "enter" ? "run" : undefined;
    }
    return event.altKey || event.shiftKey ? undefined : PLAIN_KEYS[key];
  };

  /** @param {KeyboardEvent} event */
  const keydown = (event) => {
    const name = actionFor(event);
    if (!name) return;
    event.preventDefault();
    event.stopPropagation();
    const stepping = name === "undo" || name === "redo";
    if (stroke ? stepping : event.repeat && !stepping && name !== "smaller" && name !== "larger") return;
    flush("move");
    model.send({ kind: "action", name });
  };

  /** Let other Control and Command keys (Ctrl-S) through to JupyterLab, which looks at the mark a moment later.
   * @param {KeyboardEvent} event */
  const openOrClose = (event) => {
    const ours = event.altKey || !(event.ctrlKey || event.metaKey) || actionFor(event) !== undefined;
    surface.toggleAttribute("data-lm-suppress-shortcuts", ours);
  };

  /** @param {File | undefined} file */
  const offer = async (file) => {
    const name = file?.name || "picture";
    try {
      if (!file) throw new Error("no file");
      const blob = await reduced(file);
      model.send({ kind: "picture", name, type: blob.type }, undefined, [await blob.arrayBuffer()]);
    } catch {
      const reason = file ? "the browser cannot read it as a picture" : "it holds no picture file";
      model.send({ kind: "refused", name, reason });
    }
  };

  /** @param {DragEvent} event */
  const dragged = (event) => {
    const over = event.type === "dragover";
    const carried = event.dataTransfer?.types.some((type) => type === "Files" || type.startsWith("text/"));
    if (event.type !== "dragleave" && !carried) return;
    event.preventDefault();
    event.stopPropagation();
    surface.classList.toggle("rw-pad-over", over);
    if (over && event.dataTransfer) event.dataTransfer.dropEffect = "copy";
    if (event.type === "drop") void offer(pictureIn(event.dataTransfer));
  };

  /** @param {ClipboardEvent} event */
  const pasted = (event) => {
    const file = pictureIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    void offer(file);
  };

  surface.addEventListener("pointerdown", press, { signal });
  surface.addEventListener("pointermove", move, { signal });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
    surface.addEventListener(name, release, { signal });
  }
  surface.addEventListener("pointerleave", () => (ring.hidden = true), { signal });
  surface.addEventListener("keydown", keydown, { signal });
  window.addEventListener("keydown", openOrClose, { signal, capture: true });
  for (const name of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
    surface.addEventListener(name, dragged, { signal });
  }
  surface.addEventListener("paste", pasted, { signal });

  for (const name of WATCHED) model.on(`change:${name}`, restyle);
  model.on("msg:custom", receive);
  restyle();
  model.send({ kind: "hello" });

  return () => {
    finish();
    ended.abort();
    for (const name of WATCHED) model.off(`change:${name}`, restyle);
    model.off("msg:custom", receive);
    surface.remove();
  };
}

export default { render };
