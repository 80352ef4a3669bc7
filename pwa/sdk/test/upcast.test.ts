import { expect, test } from "vitest";
import type { JsonObject } from "../src/canonical.ts";
import type { Step } from "../src/declaration.ts";
import { upcast } from "../src/upcast.ts";

const cases: [why: string, data: JsonObject, step: Step, today: JsonObject][] = [
  ["a member has another name now", { a: 1, b: 2 }, ["rename", "a", "c"], { b: 2, c: 1 }],
  ["a null is said too", { a: null }, ["rename", "a", "c"], { c: null }],
  ["nobody said it", { b: 2 }, ["rename", "a", "c"], { b: 2 }],
  ["where both are said nobody knows which was meant", { a: 1, c: 2 }, ["rename", "a", "c"], { a: 1, c: 2 }],
  ["inwards, in each entry of a list", { l: [{ a: 1 }, 7, {}] }, ["rename", "l.a", "b"], { l: [{ b: 1 }, 7, {}] }],
  ["a list in a list", { l: [[{ a: 1 }]] }, ["drop", "l.a"], { l: [[{}]] }],
  ["silence meant something", {}, ["fill", "a", 0], { a: 0 }],
  ["null is no silence", { a: null }, ["fill", "a", 0], { a: null }],
  ["on a way that is not there nothing is filled", {}, ["fill", "a.b", 0], {}],
  ["what says nothing any more goes", { a: 1, b: 2 }, ["drop", "a"], { b: 2 }],
  ["a word is another now", { a: "x" }, ["translate", "a", { x: "y" }], { a: "y" }],
  ["other words stay", { a: "toString" }, ["translate", "a", { x: "y" }], { a: "toString" }],
  ["what is no word stays", { a: ["x"] }, ["translate", "a", { x: "y" }], { a: ["x"] }],
  ["a name of JavaScript's own is not there unless said", {}, ["rename", "constructor", "a"], {}],
  ["nor is it on the way", {}, ["drop", "toString.name"], {}],
];

test.each(cases)("%s", (_, data, step, today) => {
  const before = structuredClone(data);
  expect(upcast(data, [step])).toEqual(today);
  expect(data).toEqual(before);
});

test("steps follow each other", () => {
  const steps: Step[] = [
    ["rename", "a", "b"],
    ["translate", "b", { x: "y" }],
    ["fill", "c", true],
  ];
  expect(upcast({ a: "x" }, steps)).toEqual({ b: "y", c: true });
});
