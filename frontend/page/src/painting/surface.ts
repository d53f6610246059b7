/** The painting surface: a raster, the canvases that show it, and the pad that takes input. As `surface.py`. */
import { element } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import pad from "@robust-widgets/widgets/pad";
import { weighted, type Action, type Incoming, type Outgoing, type State } from "@robust-widgets/widgets/pad/messages";
import { InputError } from "../studio/problems";
import type { Rectangle } from "@robust-widgets/widgets/pad/rectangle";
import type { StatusLine } from "../studio/statusLine";
import { LocalModel } from "../widgets/localModel";
import { ALL_LAYERS, RasterCanvas } from "./canvas";
import type { Box, Change, LayerName, PaintLayer } from "./layers";
import { drawPlaced } from "./pictures";
import { Raster, SIDE } from "./raster";
import type { Point, Stroke } from "./strokes";

const VISIBLE: ReadonlySet<LayerName> = new Set(["image", "sketch"]);
const ONLY: Readonly<Record<LayerName, ReadonlySet<LayerName>>> = {
  image: new Set(["image"]),
  sketch: new Set(["sketch"]),
  mask: new Set(["mask"]),
};

type StrokeMessage = Extract<Outgoing, { kind: "stroke" }>;

export class Surface {
  readonly root = element("div", "rw-surface", { id: "rs-canvas" });
  readonly pad: LocalModel<State, Incoming, Outgoing>;
  raster: Raster;
  /** Called after each change of any layer: a whole stroke, a fill, undo, a new picture or mask. */
  onChange: (() => void)[] = [];
  /** Called after each change of what is seen without the mask. */
  onStroke: (() => void)[] = [];
  /** Called with each colour that was painted with. */
  onColor: ((color: string) => void)[] = [];
  /** Called for keys that are not handled here. */
  onAction: ((action: Action) => void)[] = [];
  private readonly canvas: RasterCanvas;
  private readonly strokes = new Map<number, Stroke>();

  constructor(
    private readonly status: StatusLine,
    state: Pick<State, "color" | "brush_size" | "softness" | "opacity">,
    side = SIDE,
  ) {
    this.raster = new Raster(side);
    this.canvas = new RasterCanvas(side);
    this.pad = new LocalModel({
      ...state,
      side,
      display_side: 320,
      tool: "brush",
      layer: "sketch",
      masking: false,
      mirror: "none",
      hidden: [],
      locked: [],
      label: say("Painting canvas"),
      autosaved: true,
    });
    this.pad.receive = (message, buffers) => this.status.guard(() => this.handle(message, buffers));
    const layer = element("div");
    this.root.append(this.canvas.root, layer);
    pad.render({ model: this.pad, el: layer });
    this.pad.on("change:hidden", () => {
      this.raster.hidden = new Set(this.pad.get("hidden"));
      this.canvas.draw(this.raster, this.raster.whole, VISIBLE);
    });
    this.canvas.draw(this.raster);
  }

  /** Sets the size on the page, in CSS pixels. */
  resize(width: number): void {
    this.pad.set("display_side", width);
    this.root.style.setProperty("--rw-pad-side", `${width}px`);
  }

  /** Sets the picture under the sketch; can be undone. */
  setPicture(pixels: Uint8Array): void {
    this.raster.setImage(pixels);
    this.changed(this.raster.whole, ONLY.image);
  }

  /** Sets the mask, or clears it; can be undone. */
  setMask(mask: Uint8Array | null): void {
    if (mask) this.raster.setMask(mask);
    else this.raster.clearMask();
    this.changed(this.raster.whole, ONLY.mask);
  }

  /** Clears the mask, unless it is locked. */
  clearMask(): void {
    this.checkUnlocked("mask");
    this.setMask(null);
  }

  invertMask(): void {
    this.checkUnlocked("mask");
    this.raster.invertMask();
    this.changed(this.raster.whole, ONLY.mask);
  }

  /** Makes a picture the image under an empty sketch. One undo reverts it. The mask stays. */
  flatten(picture: Uint8Array): void {
    this.checkUnlocked("image", "sketch");
    this.strokes.clear();
    this.raster.flatten(picture);
    this.pad.post({ kind: "clear" });
    this.changed(this.raster.whole, VISIBLE);
  }

  /** Makes a drawing, red, green, blue and alpha for each pixel, the whole painting. One undo reverts it. */
  beginWith(sketch: Uint8Array): void {
    this.strokes.clear();
    this.raster.beginWith(sketch);
    this.pad.post({ kind: "clear" });
    this.changed(this.raster.whole, VISIBLE);
  }

  /** Continues with another raster of the same size. */
  restore(raster: Raster): void {
    this.strokes.clear();
    this.raster = raster;
    raster.hidden = new Set(this.pad.get("hidden"));
    this.canvas.draw(raster);
  }

  undo(): void {
    this.showChange(this.raster.undo());
  }

  redo(): void {
    this.showChange(this.raster.redo());
  }

  /** Removes all paint, but neither the picture nor the mask; can be undone. */
  clear(): void {
    this.checkUnlocked("sketch");
    this.strokes.clear();
    this.raster.clear();
    this.pad.post({ kind: "clear" });
    this.changed(this.raster.whole, ONLY.sketch);
  }

  setLayer(layer: PaintLayer): void {
    this.pad.set("layer", layer);
  }

  /** Brings a picture file to the canvas, to be placed there. */
  async bringPicture(file: File): Promise<void> {
    this.pad.post({ kind: "bring", name: file.name, type: file.type }, [new Uint8Array(await file.arrayBuffer())]);
  }

  /** Puts a picture file under the sketch; beside it, the picture below stays. */
  private async putPicture(file: Blob, name: string, place: Rectangle): Promise<void> {
    this.checkUnlocked("image");
    this.setPicture(await drawPlaced(file, place, this.raster.layers.image, this.raster.side));
    this.status.show(say("%1 is under your sketch now; undo removes it.", name || say("The picture")));
  }

  private handle(message: Outgoing, buffers: ArrayBuffer[]): void | Promise<void> {
    switch (message.kind) {
      case "hello":
        this.canvas.draw(this.raster);
        break;
      case "stroke":
        this.stroke(message);
        break;
      case "area": {
        const box = this.raster.paintArea(message.corners, message.brush);
        if (box) this.canvas.draw(this.raster, box, ONLY[message.brush.layer]);
        this.pad.post({ kind: "painted", id: message.id });
        if (box) this.painted(message.brush.layer, message.brush.color);
        break;
      }
      case "fill": {
        const box = this.raster.fill(...message.point, message.brush);
        if (!box) break;
        this.canvas.draw(this.raster, box, ONLY[message.brush.layer]);
        this.painted(message.brush.layer, message.brush.color);
        break;
      }
      case "pick": {
        const color = this.raster.colorAt(...message.point);
        if (color) this.pad.set("color", color);
        break;
      }
      case "action":
        this.act(message.name);
        break;
      case "picture":
        return this.putPicture(new Blob(buffers, { type: message.type }), message.name, message.place);
      case "address":
        // It would not come from this page, which asks no other server for anything.
        throw new InputError(say("This page loads no pictures from elsewhere; save the picture, and drop its file."));
      case "refused":
        throw new InputError(
          say("%1 cannot be used: %2. Choose a PNG, JPEG or WebP file.", message.name, message.reason),
        );
    }
  }

  /** @throws InputError one of these layers is locked */
  private checkUnlocked(...layers: LayerName[]): void {
    const locked = layers.find((layer) => this.pad.get("locked").includes(layer));
    if (!locked) return;
    const name = locked === "image" ? say("picture") : say(locked);
    throw new InputError(say("The %1 is locked; unlock it in the list of layers.", name));
  }

  private stroke({ id, phase, points, brush }: StrokeMessage): void {
    let stroke = this.strokes.get(id);
    if (!stroke) {
      stroke = this.raster.begin(brush);
      this.strokes.set(id, stroke);
    }
    const box = this.raster.extend(
      stroke,
      points.map(([x, y, pressure]): Point => [x, y, ...weighted(pressure, brush.pressure ?? "size")]),
    );
    if (box) this.canvas.draw(this.raster, box, ONLY[brush.layer]);
    if (phase !== "end") return;
    this.strokes.delete(id);
    const isFinished = this.raster.finish(stroke);
    this.pad.post({ kind: "painted", id });
    if (isFinished) this.painted(brush.layer, brush.tool === "brush" ? brush.color : null);
  }

  private act(action: Action): void {
    if (action === "undo") this.undo();
    else if (action === "redo") this.redo();
    else if (action === "invert") this.invertMask();
    else for (const callback of this.onAction) callback(action);
  }

  private showChange(change: Change | null): void {
    if (change) this.changed(change.box, change.layers);
  }

  private changed(box: Box, layers: ReadonlySet<LayerName>): void {
    this.canvas.draw(this.raster, box, layers.size ? layers : ALL_LAYERS);
    this.notify(layers);
  }

  private painted(layer: PaintLayer, color: string | null): void {
    if (color && layer === "sketch") for (const callback of this.onColor) callback(color);
    this.notify(ONLY[layer]);
  }

  private notify(layers: ReadonlySet<LayerName>): void {
    for (const callback of this.onChange) callback();
    if ([...layers].some((layer) => VISIBLE.has(layer))) for (const callback of this.onStroke) callback();
  }
}
