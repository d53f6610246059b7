/** Areas of similar colour, and the soft edges of the paint around them. As in `raster.py`. */

/** How far inwards a soft edge is followed, in pixels. */
const MOST_FEATHER = 64;

/** The part of `like` that is connected with one of its pixels, over edges; bytes of 0 and 1. */
export function floodFill(like: Uint8Array, side: number, column: number, row: number): Uint8Array {
  const area = new Uint8Array(like.length);
  const waiting = [row * side + column];
  while (waiting.length) {
    const at = waiting.pop() ?? 0;
    if (area[at] || !like[at]) continue;
    const x = at % side;
    let [left, right] = [at, at];
    while (left > at - x && like[left - 1]) left--;
    while (right < at - x + side - 1 && like[right + 1]) right++;
    area.fill(1, left, right + 1);
    for (const offset of [-side, side]) {
      for (let other = left + offset; other <= right + offset; other++) {
        const isStart = like[other] && !area[other] && (other === left + offset || !like[other - 1]);
        if (isStart) waiting.push(other);
      }
    }
  }
  return area;
}

/** The soft edges of the paint next to an area: from the area inwards, as long as its alpha increases.
 *
 * @param alpha of the sketch's pixel at an index */
export function feather(area: Uint8Array, alpha: (at: number) => number, side: number): Uint8Array {
  const under = new Uint8Array(area.length);
  const neighbours = (at: number): number[] => {
    const near: number[] = [];
    if (at >= side) near.push(at - side);
    if (at < area.length - side) near.push(at + side);
    if (at % side > 0) near.push(at - 1);
    if (at % side < side - 1) near.push(at + 1);
    return near;
  };
  const isSlope = (at: number) => alpha(at) > 0 && neighbours(at).some((other) => alpha(other) > alpha(at));
  let edge: number[] = [];
  area.forEach((inside, at) => {
    if (inside) edge.push(at);
  });
  for (let depth = 0; depth < MOST_FEATHER && edge.length; depth++) {
    const next: number[] = [];
    for (const from of edge) {
      for (const at of neighbours(from)) {
        if (area[at] || under[at] || !isSlope(at)) continue;
        if (!area[from] && alpha(at) <= alpha(from)) continue;
        under[at] = 1;
        next.push(at);
      }
    }
    edge = next;
  }
  return under;
}
