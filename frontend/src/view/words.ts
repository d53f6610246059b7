/** Numbers in words. */
import type { Value } from "./messages";

export function plain(value: Value | undefined): string {
  if (value === null || value === undefined) return "-";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 10000 || size < 0.001)) return value.toExponential(1);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

export function percent(value: Value | undefined): string {
  if (value === null || value === undefined) return "-";
  return `${(100 * value).toFixed(value > 0 && value < 0.0995 ? 1 : 0)} %`;
}

export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
