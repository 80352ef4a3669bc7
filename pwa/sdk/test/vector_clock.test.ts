import { expect, test } from "vitest";
import { covers, joined, missing } from "../src/vector_clock.ts";

test("a clock covers what it names and what came before, and nobody else", () => {
  const clock = { rada: 2 };
  expect([1, 2, 3].map((seq) => covers(clock, "rada", seq))).toEqual([true, true, false]);
  expect(covers(clock, "rben", 1)).toBe(false);
});

test("what is missing is named by its last dot, in the order of the replicas", () => {
  expect(missing({ rben: 3, rada: 2, reve: 1 }, { rada: 1, reve: 1 })).toEqual([
    ["rada", 2],
    ["rben", 3],
  ]);
});

test("joined clocks have seen what either had, and stay what they were", () => {
  const [one, other] = [Object.freeze({ rada: 2, rben: 1 }), Object.freeze({ rada: 1, rben: 4, reve: 1 })];
  expect(joined(one, other)).toEqual({ rada: 2, rben: 4, reve: 1 });
});
