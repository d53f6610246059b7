/** Painting with the chosen tool: shown here at once, and sent to Python. */
import { contextOf } from "@robust-widgets/shared/dom";
import { Ink } from "./ink";
import { brushOf, type Incoming, type Layer, type Model, type Place, type Point, type Pressure } from "./messages";
import { hostOf, readScene } from "./scene";

// A stroke is one message, sent when it ends. A stroke that takes longer than this is sent in parts: a closed page then
// loses little, and Python does not have to paint a long stroke all at once.
const PART_MS = 1000;
const MOST_POINTS = 1000;
const MOST_CORNERS = 1500;
/** How long ink stays for the canvas to show the same, once Python has painted it. */
const LONGEST_WAIT_MS = 400;

/** Something that is being painted, by pointer or by keyboard. */
export interface Gesture {
  extend(point: Point, isStraight: boolean): void;
  end(): void;
  /** Takes it back; false if a part of it was already sent. */
  cancel(): boolean;
}

export class Strokes {
  private inks: Ink[] = [];
  private frameRequest = 0;
  /** Where the last stroke ended: a stroke with Shift goes on from there. */
  private lastEnd: Point | null = null;
  private readonly context: CanvasRenderingContext2D;

  constructor(
    private readonly model: Model,
    private readonly paper: HTMLCanvasElement,
    /** Says why nothing can be painted on a layer; false if something can. */
    private readonly refuses: (layer: Layer) => boolean = () => false,
    private readonly pressure: () => Pressure = () => "size",
  ) {
    this.context = contextOf(paper);
  }

  /** Starts a gesture, if a kernel is there. Fill and eyedropper are done at once and return null. */
  start(point: Point, { pick = false, erase = false, straight = false } = {}): Gesture | null {
    if (!this.model.isAlive()) return null;
    const tool = pick ? "eyedropper" : this.model.get("tool");
    const [x, y] = point;
    if (tool === "eyedropper") {
      this.model.send({ kind: "pick", point: [x, y] });
      return null;
    }
    if (this.refuses(this.model.get("layer"))) return null;
    if (tool === "fill") {
      this.model.send({ kind: "fill", point: [x, y], brush: brushOf(this.model, false, "none") });
      return null;
    }
    const below = this.inks.at(-1)?.after;
    const showsMask = this.model.get("masking") && !this.model.get("hidden").includes("mask");
    const scene = below ?? readScene(hostOf(this.paper), this.model.get("side"), showsMask);
    const ink = new Ink(scene, brushOf(this.model, tool === "eraser" || erase, this.pressure()));
    this.inks.push(ink);
    const gesture =
      tool === "line"
        ? this.line(ink, point)
        : tool === "rectangle" || tool === "lasso"
          ? this.area(ink, point, tool === "lasso")
          : straight
            ? this.line(ink, this.lastEnd ?? point, false)
            : this.stroke(ink);
    gesture.extend(point, false);
    return gesture;
  }

  receive(message: Exclude<Incoming, { kind: "bring" }>): void {
    if (message.kind === "clear") {
      this.inks = this.inks.filter((ink) => !ink.hasEnded);
      this.lastEnd = null;
    } else for (const ink of this.inks) if (ink.id === message.id) ink.paintedAt ||= performance.now();
    this.draw();
  }

  /** Forgets all ink, for a raster of another size. */
  resize(side: number): void {
    this.paper.width = this.paper.height = side;
    this.inks = [];
  }

  stop(): void {
    cancelAnimationFrame(this.frameRequest);
  }

  private stroke(ink: Ink): Gesture {
    let unsent: Point[] = [];
    let wasSent = false;
    const send = (isEnd: boolean): boolean => {
      if (!isEnd && !unsent.length) return true;
      const points = unsent;
      unsent = [];
      const phase = isEnd ? "end" : wasSent ? "move" : "begin";
      wasSent = true;
      return this.model.send({ kind: "stroke", id: ink.id, phase, points, brush: ink.brush });
    };
    const timer = window.setInterval(() => send(false), PART_MS);
    return {
      extend: (point) => {
        const [x, y, pressure] = point;
        const spacing = Math.max(0.4, ink.radius * 0.08);
        const last = ink.last;
        if (last && Math.hypot(x - last[0], y - last[1]) < spacing && Math.abs(pressure - last[2]) < 0.05) return;
        unsent.push(point);
        ink.lineTo(point);
        this.draw();
        if (unsent.length >= MOST_POINTS) send(false);
      },
      end: () => {
        clearInterval(timer);
        this.finish(ink, send(true));
      },
      cancel: () => {
        if (wasSent) return false;
        clearInterval(timer);
        return this.drop(ink);
      },
    };
  }

  /** @param snaps whether Shift allows eight directions only */
  private line(ink: Ink, [x0, y0]: Point, snaps = true): Gesture {
    const start: Point = [x0, y0, 1];
    let end = start;
    return {
      extend: ([x, y], isStraight) => {
        end = isStraight && snaps ? [...toOctant(start, x, y), 1] : [x, y, 1];
        ink.reset();
        ink.lineTo(start);
        ink.lineTo(end);
        this.draw();
      },
      end: () => {
        const points = [start, end];
        this.finish(ink, this.model.send({ kind: "stroke", id: ink.id, phase: "end", points, brush: ink.brush }));
      },
      cancel: () => this.drop(ink),
    };
  }

  private area(ink: Ink, start: Point, isLasso: boolean): Gesture {
    let corners: Place[] = [];
    return {
      extend: ([x, y], isStraight) => {
        if (isLasso) {
          const last = corners.at(-1);
          if (last && Math.hypot(x - last[0], y - last[1]) < 1) return;
          corners.push([x, y]);
          if (corners.length > MOST_CORNERS) corners = corners.filter((_, index) => index % 2 === 0);
        } else {
          const [ax, ay] = start;
          const [bx, by] = isStraight ? toSquare(start, x, y) : [x, y];
          corners = [
            [ax, ay],
            [bx, ay],
            [bx, by],
            [ax, by],
          ];
        }
        ink.fill(corners);
        this.draw();
      },
      end: () => {
        if (corners.length < 3 || ink.isEmpty) this.drop(ink);
        else this.finish(ink, this.model.send({ kind: "area", id: ink.id, corners, brush: ink.brush }));
      },
      cancel: () => this.drop(ink),
    };
  }

  /** Ink that no kernel took is lost, so don't go on showing it. */
  private finish(ink: Ink, wasTaken: boolean): void {
    if (!wasTaken) {
      this.drop(ink);
      return;
    }
    this.lastEnd = ink.last;
    ink.seal();
    for (const other of this.inks) if (other !== ink) other.release();
    this.draw();
  }

  private drop(ink: Ink): true {
    this.inks = this.inks.filter((other) => other !== ink);
    this.draw();
    return true;
  }

  private draw(): void {
    this.frameRequest ||= requestAnimationFrame((now) => {
      this.frameRequest = 0;
      const host = hostOf(this.paper);
      const isPainted = (ink: Ink) => ink.hasEnded && ink.paintedAt > 0;
      // Ink below newer ink on the canvas is on it, too, even if hidden by it.
      const newest = this.inks.findLastIndex((ink) => isPainted(ink) && ink.isOnCanvas(host));
      this.inks = this.inks.filter(
        (ink, index) => !isPainted(ink) || (index > newest && now - ink.paintedAt < LONGEST_WAIT_MS),
      );
      this.context.clearRect(0, 0, this.paper.width, this.paper.height);
      for (const ink of this.inks) ink.draw(this.context);
      if (this.inks.some(isPainted)) this.draw();
    });
  }
}

/** The point nearest to (x, y) in one of eight directions from the start. */
function toOctant(start: Point, x: number, y: number): Place {
  const octant = Math.PI / 4;
  const angle = Math.round(Math.atan2(y - start[1], x - start[0]) / octant) * octant;
  const length = (x - start[0]) * Math.cos(angle) + (y - start[1]) * Math.sin(angle);
  const round = (value: number) => Math.round(100 * value) / 100;
  return [round(start[0] + length * Math.cos(angle)), round(start[1] + length * Math.sin(angle))];
}

/** The corner opposite the start of the square with the longer of the two sides. */
function toSquare(start: Point, x: number, y: number): Place {
  const length = Math.max(Math.abs(x - start[0]), Math.abs(y - start[1]));
  return [start[0] + Math.sign(x - start[0] || 1) * length, start[1] + Math.sign(y - start[1] || 1) * length];
}
