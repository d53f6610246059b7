import { Ink } from "./ink";
import { brushOf, type Incoming, type Model, type Place, type Point } from "./protocol";
import { hostOf, read } from "./scene";

// A stroke is one message, sent when it ends. One that takes longer than this is sent a part at a time, so that little
// is lost with a page that dies, and Python is not left with a long one to paint at its end.
const PART_MS = 1000;
const MOST_POINTS = 5000;
const MOST_CORNERS = 1500;
// How long ink may wait for the canvas to show the same once Python says that it is drawn.
const LONGEST_WAIT_MS = 400;

/** Something being painted, by pointer or by keys. */
export interface Gesture {
  to(point: Point, straight: boolean): void;
  end(): void;
  /** Take it back; false if a part of it was sent already. */
  cancel(): boolean;
}

/** Paints with the tool that is chosen: shows it here at once, and tells Python. */
export class Painter {
  private inks: Ink[] = [];
  private asked = 0;
  private readonly context: CanvasRenderingContext2D;

  constructor(
    private readonly model: Model,
    private readonly paper: HTMLCanvasElement,
  ) {
    this.context = paper.getContext("2d") as CanvasRenderingContext2D;
  }

  /** Begin at a point, if a kernel is there; fill and eyedropper are done at once and leave nothing to go on with. */
  start(point: Point, { pick = false, erase = false } = {}): Gesture | null {
    if (!this.model.reaches()) return null;
    const tool = pick ? "eyedropper" : this.model.get("tool");
    const [x, y] = point;
    if (tool === "eyedropper") {
      this.model.send({ kind: "pick", point: [x, y] });
      return null;
    }
    if (tool === "fill") {
      this.model.send({ kind: "fill", point: [x, y], brush: brushOf(this.model, false) });
      return null;
    }
    const erasing = tool === "eraser" || erase;
    const below = this.inks.at(-1)?.after;
    const side = this.model.get("side");
    const host = hostOf(this.paper);
    const scene = below ?? read(host, side, this.model.get("masking"));
    const ink = new Ink(scene, brushOf(this.model, erasing));
    this.inks.push(ink);
    const gesture =
      tool === "line" ? this.line(ink, point) : tool === "rectangle" || tool === "lasso" ? this.area(ink, point) : this.stroke(ink);
    gesture.to(point, false);
    return gesture;
  }

  receive(message: Incoming): void {
    if (message.kind === "clear") this.inks = this.inks.filter((ink) => !ink.ended);
    else for (const ink of this.inks) if (ink.id === message.id) ink.painted ||= performance.now();
    this.draw();
  }

  /** Forget all ink, as for a raster of another size. */
  resize(side: number): void {
    this.paper.width = this.paper.height = side;
    this.inks = [];
  }

  stop(): void {
    cancelAnimationFrame(this.asked);
  }

  private stroke(ink: Ink): Gesture {
    let unsent: Point[] = [];
    let sent = false;
    const send = (phase: "part" | "end") => {
      if (phase === "part" && !unsent.length) return true;
      const points = unsent;
      unsent = [];
      const named = phase === "end" ? "end" : sent ? "move" : "begin";
      sent = true;
      return this.model.send({ kind: "stroke", id: ink.id, phase: named, points, brush: ink.brush });
    };
    const timer = window.setInterval(() => send("part"), PART_MS);
    return {
      to: (point) => {
        const [x, y, pressure] = point;
        const apart = Math.max(0.4, ink.radius * 0.08);
        const last = ink.last;
        if (last && Math.hypot(x - last[0], y - last[1]) < apart && Math.abs(pressure - last[2]) < 0.05) return;
        unsent.push(point);
        ink.reach(point);
        this.draw();
        if (unsent.length >= MOST_POINTS) send("part");
      },
      end: () => {
        clearInterval(timer);
        this.ended(ink, send("end"));
      },
      cancel: () => {
        if (sent) return false;
        clearInterval(timer);
        this.drop(ink);
        return true;
      },
    };
  }

  private line(ink: Ink, start: Point): Gesture {
    let end = start;
    return {
      to: ([x, y], straight) => {
        const from: Point = [start[0], start[1], 1];
        end = straight ? [...atOctant(start, x, y), 1] : [x, y, 1];
        ink.reset();
        ink.reach(from);
        ink.reach(end);
        this.draw();
      },
      end: () => {
        const points: Point[] = [[start[0], start[1], 1], end];
        this.ended(ink, this.model.send({ kind: "stroke", id: ink.id, phase: "end", points, brush: ink.brush }));
      },
      cancel: () => this.drop(ink),
    };
  }

  private area(ink: Ink, start: Point): Gesture {
    const lasso = this.model.get("tool") === "lasso";
    let corners: Place[] = [];
    return {
      to: ([x, y], straight) => {
        if (lasso) {
          const last = corners.at(-1);
          if (last && Math.hypot(x - last[0], y - last[1]) < 1) return;
          corners.push([x, y]);
          if (corners.length > MOST_CORNERS) corners = corners.filter((_, index) => index % 2 === 0);
        } else {
          const [ax, ay] = start;
          const [bx, by] = straight ? squared(start, x, y) : [x, y];
          corners = [[ax, ay], [bx, ay], [bx, by], [ax, by]];
        }
        ink.fill(corners);
        this.draw();
      },
      end: () => {
        if (corners.length < 3 || ink.isEmpty) {
          this.drop(ink);
          return;
        }
        this.ended(ink, this.model.send({ kind: "area", id: ink.id, corners, brush: ink.brush }));
      },
      cancel: () => this.drop(ink),
    };
  }

  /** What nobody took is not kept, so it is not shown either. */
  private ended(ink: Ink, taken: boolean): void {
    if (!taken) return void this.drop(ink);
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
    this.asked ||= requestAnimationFrame((now) => {
      this.asked = 0;
      const host = hostOf(this.paper);
      const done = (ink: Ink) => ink.ended && ink.painted > 0;
      // Where one is shown, so are those before it, though it may hide them.
      const newest = [...this.inks].reverse().find((ink) => done(ink) && ink.isShown(host));
      const shown = newest ? this.inks.indexOf(newest) : -1;
      this.inks = this.inks.filter(
        (ink, index) => !done(ink) || (index > shown && now - ink.painted < LONGEST_WAIT_MS),
      );
      this.context.clearRect(0, 0, this.paper.width, this.paper.height);
      for (const ink of this.inks) ink.draw(this.context);
      if (this.inks.some(done)) this.draw();
    });
  }
}

/** The point nearest to (x, y) in one of eight directions from the start. */
function atOctant(start: Point, x: number, y: number): Place {
  const turn = Math.PI / 4;
  const angle = Math.round(Math.atan2(y - start[1], x - start[0]) / turn) * turn;
  const length = (x - start[0]) * Math.cos(angle) + (y - start[1]) * Math.sin(angle);
  const to = (value: number) => Math.round(100 * value) / 100;
  return [to(start[0] + length * Math.cos(angle)), to(start[1] + length * Math.sin(angle))];
}

/** The corner opposite to the start of a square as large as the longer side. */
function squared(start: Point, x: number, y: number): Place {
  const length = Math.max(Math.abs(x - start[0]), Math.abs(y - start[1]));
  return [start[0] + Math.sign(x - start[0] || 1) * length, start[1] + Math.sign(y - start[1] || 1) * length];
}
