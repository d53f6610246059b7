/** Formatting of numbers. */
import type { Value } from "./curves";

/** Three significant digits, or scientific notation; "-" if missing. */
export function plain(value: Value | undefined): string {
  if (value === null || value === undefined) return "-";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 10000 || size < 0.001)) return value.toExponential(1);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

/** A fraction as a percentage, with one decimal below 10 %. */
export function percent(value: Value | undefined): string {
  if (value === null || value === undefined) return "-";
  return `${(100 * value).toFixed(value > 0 && value < 0.0995 ? 1 : 0)} %`;
}

/** Seconds, rounded up, as "59 s" or "2 min 5 s". */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Steps a second. */
export const stepRate = (rate: number): string => rate.toFixed(rate < 10 ? 1 : 0);
