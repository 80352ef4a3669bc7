import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sha256 } from "../src/sha256.ts";

const nodes = (raw: Uint8Array): string => createHash("sha256").update(raw).digest("hex");

test("every length up to some blocks has the digest that Node gives it", () => {
  for (let length = 0; length <= 320; length++) {
    const raw = Uint8Array.from({ length }, (_, i) => (i * 167 + length) & 0xff);
    expect(sha256(raw)).toBe(nodes(raw));
  }
});

test("a view of a larger buffer is hashed alone", () => {
  const raw = new TextEncoder().encode("before, the event, after").subarray(8, 17);
  expect(sha256(raw)).toBe(nodes(raw));
});

test("a mebibyte is hashed as Node does", () => {
  const raw = new Uint8Array(1 << 20).fill(0xa5);
  expect(sha256(raw)).toBe(nodes(raw));
});
