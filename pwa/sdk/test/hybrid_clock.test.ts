import fc from "fast-check";
import { expect, test } from "vitest";
import { CLOCK_DRIFT_MS_MAX } from "../src/generated/limits.ts";
import { BEGINNING, latestAt, msOf, observe, stamp, tick } from "../src/hybrid_clock.ts";

const NOON = 1_767_268_800_000;
const moments = fc.integer({ min: 0, max: 2 ** 48 - 2 });
const stamps = fc.tuple(moments, fc.integer({ min: 0, max: 0xffff })).map(([ms, counter]) => stamp(ms, counter));

test("each edit is stamped after the one before, whatever the wall clock does", () => {
  fc.assert(fc.property(stamps, moments, (last, now) => tick(last, now) > last));
});

test("a wall clock that goes on is followed, one that stands still or goes back leaves the counter", () => {
  expect(tick(stamp(NOON, 7), NOON + 1)).toBe(stamp(NOON + 1));
  expect(tick(stamp(NOON, 7), NOON)).toBe(stamp(NOON, 8));
  expect(tick(stamp(NOON), NOON)).toBe(stamp(NOON, 1));
  expect(tick(stamp(NOON, 7), NOON - 60_000)).toBe(stamp(NOON, 8));
});

test("a counter that is full goes on in the next millisecond, and at the end of time it stands still", () => {
  expect(tick(stamp(NOON, 0xffff), NOON)).toBe(stamp(NOON + 1));
  expect(tick("f".repeat(16), NOON)).toBe("f".repeat(16));
});

test("a stranger pulls a clock at most as far as the drift", () => {
  const [near, far] = [stamp(NOON + CLOCK_DRIFT_MS_MAX), stamp(NOON + CLOCK_DRIFT_MS_MAX + 1)];
  expect(observe(stamp(NOON), near, NOON)).toBe(near);
  expect(observe(stamp(NOON), far, NOON)).toBe(stamp(NOON));
  fc.assert(fc.property(stamps, stamps, moments, (last, seen, now) => observe(last, seen, now) >= last));
});

test("moments outside the form are brought to its ends", () => {
  expect(stamp(-5)).toBe(BEGINNING);
  expect(stamp(2 ** 60)).toBe("ffffffffffff0000");
  expect(msOf(latestAt(NOON))).toBe(NOON);
  expect(latestAt(NOON) < stamp(NOON + 1)).toBe(true);
});
