/** What was painted on the sketch as lines and areas, and a drawing of them as SVG. As `drawing.py`. */
import { say } from "@robust-widgets/shared/translation";
import { mirrored, type Mirror } from "@robust-widgets/widgets/pad/messages";
import type { Color, Corner, PaintTool, Point } from "./strokes";

/** Widths that differ less than this, as a fraction of the brush, are one. */
const SAME_WIDTH = 0.02;

export interface DrawnLine {
  readonly kind: "line";
  readonly tool: PaintTool;
  readonly color: Color;
  readonly size: number;
  readonly softness: number;
  readonly opacity: number;
  readonly mirror: Mirror;
  readonly points: readonly Point[];
}

export interface DrawnArea {
  readonly kind: "area";
  readonly color: Color;
  readonly opacity: number;
  readonly mirror: Mirror;
  readonly corners: readonly Corner[];
}

/** A line, an area, paint that has no outline (a fill, or pixels of before), or the removal of all paint. */
export type Drawn = DrawnLine | DrawnArea | { readonly kind: "fill" | "pixels" | "emptied" };

/** What is still there: all after the last time that the sketch was emptied. */
const sinceEmptied = (drawn: readonly Drawn[]): readonly Drawn[] =>
  drawn.slice(drawn.findLastIndex(({ kind }) => kind === "emptied") + 1);

/** Whether there is a line or an area to draw. */
export const hasOutlines = (drawn: readonly Drawn[]): boolean =>
  sinceEmptied(drawn).some(({ kind }) => kind === "line" || kind === "area");

/** A sentence about the paint that a drawing lacks; empty if it lacks none. */
export function missing(drawn: readonly Drawn[]): string {
  const kinds = sinceEmptied(drawn).map(({ kind }) => kind);
  if (kinds.includes("pixels")) return say("It lacks what was painted before the page was opened, and all fills.");
  return kinds.includes("fill") ? say("It lacks the fills, which have no outline.") : "";
}

/** An SVG file of the strokes and areas on a sketch, without the picture below.
 *
 * An eraser's stroke hides what was drawn before it. A soft edge becomes a blur, which is nearly the same, and a stroke
 * whose opacity varies gets its mean. */
export function toSvg(drawn: readonly Drawn[], side: number): string {
  const defined: string[] = [];
  const whole = `x="0" y="0" width="${side}" height="${side}"`;
  let body = "";
  sinceEmptied(drawn).forEach((item, number) => {
    if (item.kind === "area") body += area(item, side);
    if (item.kind !== "line" || !item.points.length) return;
    const blur = (item.softness * item.size) / 8;
    const filter = blur > 0 ? ` filter="url(#soft${number})"` : "";
    if (filter) {
      const softening = `<feGaussianBlur stdDeviation="${text(blur)}"/>`;
      defined.push(`<filter id="soft${number}" filterUnits="userSpaceOnUse" ${whole}>${softening}</filter>`);
    }
    const own = line(item, side, filter);
    if (item.tool === "brush") body += own;
    else {
      const white = `<rect width="${side}" height="${side}" fill="#fff"/>`;
      defined.push(`<mask id="erased${number}" maskUnits="userSpaceOnUse" ${whole}>${white}${own}</mask>`);
      body = `<g mask="url(#erased${number})">${body}</g>`;
    }
  });
  const definitions = defined.length ? `<defs>${defined.join("")}</defs>` : "";
  const size = `width="${side}" height="${side}" viewBox="0 0 ${side} ${side}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${definitions}${body}</svg>\n`;
}

function line(
  { tool, color, size, softness, opacity, mirror, points }: DrawnLine,
  side: number,
  filter: string,
): string {
  const strength = points.reduce((sum, [, , , part = 1]) => sum + part, 0) / points.length;
  const ink = tool === "brush" ? hexOf(color) : "#000";
  const paths = images(points, mirror, side).map((image) => path(image, size * (1 - softness / 2)));
  const look = `fill="none" stroke="${ink}" stroke-linecap="round" stroke-linejoin="round" opacity="${text(opacity * strength)}"`;
  return `<g ${look}${filter}>${paths.join("")}</g>`;
}

function path(points: readonly Point[], size: number): string {
  const widths = points.map(([, , width]) => width);
  if (Math.max(...widths) - Math.min(...widths) < SAME_WIDTH) {
    const places = points.map(([x, y]) => `${text(x)} ${text(y)}`).join(" L");
    const mean = widths.reduce((sum, width) => sum + width, 0) / widths.length;
    return `<path d="M${places}${points.length === 1 ? "h0" : ""}" stroke-width="${text(size * mean)}"/>`;
  }
  return points
    .slice(1)
    .map(([x, y, width], index) => {
      const [fromX, fromY, fromWidth] = points[index] ?? [x, y, width];
      const places = `M${text(fromX)} ${text(fromY)} L${text(x)} ${text(y)}`;
      return `<path d="${places}" stroke-width="${text((size * (fromWidth + width)) / 2)}"/>`;
    })
    .join("");
}

function area({ color, opacity, mirror, corners }: DrawnArea, side: number): string {
  const polygons = images(corners, mirror, side).map(
    (image) => `<polygon points="${image.map(([x, y]) => `${text(x)},${text(y)}`).join(" ")}"/>`,
  );
  return `<g fill="${hexOf(color)}" fill-rule="evenodd" opacity="${text(opacity)}">${polygons.join("")}</g>`;
}

/** The points, and their images across the middle lines. */
function images<P extends Point | Corner>(points: readonly P[], mirror: Mirror, side: number): P[][] {
  const each = points.map((point) => mirrored(point, mirror, side));
  return (each[0] ?? []).map((_, image) =>
    each.flatMap((places) => {
      const place = places[image];
      return place ? [place] : [];
    }),
  );
}

const hexOf = (color: Color): string => `#${color.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
const text = (value: number): string => String(Math.round(100 * value) / 100);
