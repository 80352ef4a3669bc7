import fc from "fast-check";
import { expect, test } from "vitest";
import { byCodePoint, lengthOf } from "../src/order.ts";

const texts = fc.string({ unit: "binary" });
/** UTF-8 keeps the order of code points. */
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

test("texts are ordered as their UTF-8 is", () => {
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      expect(Math.sign(byCodePoint(one, other))).toBe(byBytes(one, other));
    }),
  );
});

test.each(["", "a", "b", "aa", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "😀", "😁", "\u{10ffff}"])(
  "%j stands among the ends of every range where its UTF-8 does",
  (one) => {
    for (const other of ["", "a", "b", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "😀", "😁", "\u{10ffff}"]) {
      expect(Math.sign(byCodePoint(one, other))).toBe(byBytes(one, other));
    }
  },
);

test("a length counts characters, not the units of UTF-16", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(lengthOf(text)).toBe([...text].length);
    }),
  );
});
