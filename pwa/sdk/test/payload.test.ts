import { expect, test } from "vitest";
import type { Json } from "../src/canonical.ts";
import type { Shape } from "../src/declaration.ts";
import { ENTITIES } from "../src/generated/catalogue.ts";
import { misfit, shapeOf } from "../src/payload.ts";

const word: Shape = { kind: "text", min: 1, max: 3 };
const day: Shape = { kind: "text", pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/u, calendar: true };
const pair: Shape = { kind: "list", of: { kind: "union", of: [{ kind: "text" }, { kind: "null" }] }, min: 2, max: 2 };
const pairs: Shape = { kind: "list", of: pair, ascending: true };
const place: Shape = {
  kind: "object",
  members: { lat: [{ kind: "integer", min: -9, max: 9 }, true], by: [word, false] },
};
const counts: Shape = { kind: "map", keys: word, of: { kind: "integer" }, max: 1 };

const fitting: [Shape, Json][] = [
  ...["a", "abc", "😀😀😀"].map((text): [Shape, Json] => [word, text]),
  ...["2024-02-29", "1600-02-29", "2000-02-29", "0001-01-01", "0004-02-29", "9999-12-31", "2026-08-31"].map(
    (text): [Shape, Json] => [day, text],
  ),
  [pairs, []],
  [
    pairs,
    [
      ["a", null],
      ["b", "x"],
    ],
  ],
  [
    pairs,
    [
      ["\uffff", ""],
      ["😀", ""],
    ],
  ],
  [pairs, [["😀".repeat(64), ""]]],
  [place, { lat: -9 }],
  [place, { lat: 9, by: "gps" }],
  [{ ...counts, keys: { kind: "text" } }, { constructor: 1 } as unknown as Json],
  [{ kind: "any" }, null],
];

test.each(fitting)("%# fits", (shape, value) => expect(misfit(shape, value)).toBeUndefined());

const misfitting: [Shape, Json, where: string][] = [
  ...["", "abcd", "😀😀😀😀", 1, null, ["a"]].map((value): [Shape, Json, string] => [word, value, ""]),
  ...[
    "0000-01-01",
    "2023-02-29",
    "1900-02-29",
    "2500-02-29",
    "2026-04-31",
    "2026-00-01",
    "2026-13-01",
    "2026-01-00",
    "2026-01-32",
  ].map((text): [Shape, Json, string] => [day, text, ""]),
  [
    pairs,
    [
      ["a", ""],
      ["a", ""],
    ],
    "",
  ],
  [
    pairs,
    [
      ["😀", ""],
      ["\uffff", ""],
    ],
    "",
  ],
  [pairs, [["", "x"]], ""],
  [pairs, [["k".repeat(65), "x"]], ""],
  [pairs, [[null, "x"]], ""],
  [pairs, [["a", "b", "c"]], "/0"],
  [pairs, [["a", 1]], "/0/1"],
  [place, {}, "/lat"],
  [place, { lat: 10 }, "/lat"],
  [place, { lat: 1.5 }, "/lat"],
  [place, { lat: 0, by: "" }, "/by"],
  [place, { lat: 0, toString: 1 } as unknown as Json, "/toString"],
  [place, JSON.parse('{"lat":0,"__proto__":{}}'), "/__proto__"],
  [place, [], ""],
  [counts, { a: 1, b: 1 }, ""],
  [counts, { abcd: 1 }, "/abcd"],
  [counts, { a: true }, "/a"],
  [{ kind: "boolean" }, 1, ""],
  [{ kind: "null" }, false, ""],
  [{ kind: "one_of", values: ["gps"] }, "map", ""],
];

test.each(misfitting)("%# does not fit, and it says where", (shape, value, where) => {
  expect(misfit(shape, value)).toBe(where);
});

test("every fact has a closed shape, made once", () => {
  for (const { facts } of ENTITIES.values()) {
    for (const fact of facts.values()) {
      expect(shapeOf(fact)).toBe(shapeOf(fact));
      expect(new Set(Object.keys(shapeOf(fact).members))).toEqual(fact.fields);
      expect(misfit(shapeOf(fact), { nonsense: 1 })).toBeDefined();
    }
  }
});
