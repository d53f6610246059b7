import { describe, expect, test } from "vitest";
import { checksum, DamagedError, unzip } from "../src/zip";
import { zip } from "./archive";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("an archive", () => {
  const whole = zip({ "run.json": "{}", "frames/größer.png": "a picture" });

  test("gives its parts by name", () => {
    const parts = unzip(whole);
    expect([...parts.keys()]).toEqual(["run.json", "frames/größer.png"]);
    expect(text(parts.get("frames/größer.png"))).toBe("a picture");
  });

  test("is read in the middle of a larger buffer", () => {
    const larger = new Uint8Array(whole.length + 7);
    larger.set(whole, 7);
    expect(text(unzip(larger.subarray(7)).get("run.json"))).toBe("{}");
  });

  test("cut anywhere is refused", () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => unzip(whole.slice(0, length)), `${length} bytes`).toThrow(DamagedError);
    }
  });

  test("with any byte of a part changed is refused", () => {
    const at = text(whole).indexOf("picture");
    const damaged = whole.slice();
    damaged[at] = 0;
    expect(() => unzip(damaged)).toThrow(DamagedError);
    expect(() => unzip(damaged)).toThrow("größer.png is damaged");
  });

  test("that leads outside of itself is refused", () => {
    const damaged = whole.slice();
    damaged.fill(0xff, damaged.length - 6, damaged.length - 2);
    expect(() => unzip(damaged)).toThrow(DamagedError);
  });

  test("whose parts overlap is refused", () => {
    const content = "a".repeat(500);
    const one = zip({ a: content });
    // The list's only entry, nine times: all lead to the same part.
    const [body, end] = [one.length - 47 - 22, one.length - 22];
    const entry = one.slice(body, end);
    const many = new Uint8Array(body + 9 * entry.length + 22);
    many.set(one.subarray(0, body));
    for (let index = 0; index < 9; index++) many.set(entry, body + index * entry.length);
    many.set(one.subarray(end), body + 9 * entry.length);
    many[many.length - 22 + 10] = 9;
    expect(() => unzip(many)).toThrow("larger than the file");
  });

  test("whose parts are packed is refused", () => {
    const packed = whole.slice();
    packed[new TextDecoder("latin1").decode(whole).indexOf("PK\x01\x02") + 10] = 8;
    expect(() => unzip(packed)).toThrow("is packed");
  });
});

test("the checksum is that of ZIP", () => {
  expect(checksum(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});
