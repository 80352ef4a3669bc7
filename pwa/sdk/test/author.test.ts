import { describe, expect, test } from "vitest";
import { type Author, authorOf, write } from "../src/author.ts";
import { hashOf, linkOf, parse, spell, Unacceptable } from "../src/envelope.ts";
import { BEGINNING, stamp, tick } from "../src/hybrid_clock.ts";

const NOON = 1_767_268_800_000;
const SITE = "01900000-0000-7000-8000-00000000b000";
const id = (number: number): string => `01900000-0000-7000-9000-${String(number).padStart(12, "0")}`;

const created = (author: Author): [Author, Uint8Array] =>
  write(author, {
    id: id(1),
    entityType: "site",
    entity: SITE,
    type: "Created",
    data: { name: "Mühle", customer_id: id(9) },
    clock: {},
    nowMs: NOON,
  });

test("what is written is acceptable, and says what was told", () => {
  const [, raw] = created(authorOf("radaaaaaaaaaa"));
  expect(parse(raw)).toMatchObject({
    id: id(1),
    replica: "radaaaaaaaaaa",
    seq: 1,
    prev: null,
    entity: SITE,
    entityType: "site",
    type: "Created",
    v: 1,
    clock: {},
    at: stamp(NOON),
    seen: 0,
    data: { customer_id: id(9), name: "Mühle" },
    raw,
  });
});

test("its bytes are the canonical ones: sorted, with what was left out left out", () => {
  const [, raw] = created(authorOf("radaaaaaaaaaa"));
  expect(new TextDecoder().decode(raw)).toBe(
    `{"at":"${stamp(NOON)}","clock":{},"data":{"customer_id":"${id(9)}","name":"Mühle"},"entity":{"id":"${SITE}",` +
      `"type":"site"},"id":"${id(1)}","prev":null,"replica":"radaaaaaaaaaa","seen":0,"seq":1,"type":"Created","v":1}`,
  );
});

test("the next event follows the one before: by number, by hash and by clock", () => {
  const [author, first] = created({ ...authorOf("radaaaaaaaaaa"), seen: 7 });
  const geo = { lat: 1, lon: 2 };
  const tx = { id: id(3), i: 1, n: 1 };
  const [, second] = write(author, {
    id: id(2),
    entityType: "site",
    entity: SITE,
    type: "Archived",
    data: {},
    clock: { radaaaaaaaaaa: 1 },
    nowMs: NOON - 1,
    tx,
    reason: "gone",
    geo,
  });
  const at = tick(stamp(NOON), NOON - 1);
  expect(author).toEqual({ replica: "radaaaaaaaaaa", seq: 1, prev: hashOf(first), at: stamp(NOON), seen: 7 });
  expect(parse(second)).toMatchObject({ seq: 2, prev: hashOf(first), at, seen: 7, tx, clock: { radaaaaaaaaaa: 1 } });
  expect(JSON.parse(new TextDecoder().decode(second))).toMatchObject({ reason: "gone", geo });
  expect(linkOf(second)).toEqual({ replica: "radaaaaaaaaaa", seq: 2, prev: hashOf(first), id: id(2), entity: SITE });
});

test.each([
  ["site", "SiteExploded"],
  ["spaceship", "Created"],
  ["constructor", "toString"],
])("nobody writes of a %s a %s that was never declared", (entityType, type) => {
  const told = { id: id(1), entityType, entity: SITE, type, data: {}, clock: {}, nowMs: NOON };
  expect(() => write(authorOf("radaaaaaaaaaa"), told)).toThrow(RangeError);
});

test("a stamp that was never written is the beginning", () => {
  expect(authorOf("radaaaaaaaaaa")).toEqual({ replica: "radaaaaaaaaaa", seq: 0, prev: null, at: BEGINNING, seen: 0 });
});

test("what is spelled is what was said, and nothing of what was not", () => {
  const told = { id: id(1), replica: "radaaaaaaaaaa", seq: 1, prev: null, entityType: "site", entity: SITE } as const;
  const raw = spell({ ...told, type: "Archived", v: 1, clock: {}, at: BEGINNING, seen: 0, data: {}, tx: undefined });
  expect(Object.keys(JSON.parse(new TextDecoder().decode(raw)))).not.toContain("tx");
  expect(parse(raw).tx).toBeUndefined();
});

test("what a clone wrote under our name and later numbers is left out of the clock", () => {
  const replica = "radaaaaaaaaaa";
  const edit = { id: id(2), entityType: "site", entity: SITE, type: "Archived", data: {}, nowMs: NOON };
  const clockAfter = (seq: number, clock: Record<string, number>) =>
    parse(write({ ...authorOf(replica), seq, prev: seq ? "0".repeat(64) : null }, { ...edit, clock })[1]).clock;
  expect(clockAfter(0, { [replica]: 3, rbennnnnnnnnn: 9 })).toEqual({ rbennnnnnnnnn: 9 });
  expect(clockAfter(2, { [replica]: 3 })).toEqual({ [replica]: 2 });
  expect(clockAfter(3, { [replica]: 3 })).toEqual({ [replica]: 3 });
});

const edited = (said: { data: Record<string, string>; reason?: string }): Uint8Array =>
  write(authorOf("radaaaaaaaaaa"), {
    id: id(2),
    entityType: "site",
    entity: SITE,
    type: "Edited",
    clock: {},
    nowMs: NOON,
    ...said,
  })[1];

describe.each(["\ud83d", "\ude00 alone", "\ude00\ud83d turned round", "a\0b"])(
  "a text that no event may hold: %j",
  (text) => {
    test.each([{ data: { name: text } }, { data: {}, reason: text }])("is refused before it is written: %j", (said) => {
      let refused: unknown;
      try {
        edited(said);
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(Unacceptable);
      expect(refused).toMatchObject({ code: "bad_text" });
    });
  },
);

test.each(["\u{1f600}", "\\u0000", "\\ud83d"])("what only looks like such a text is written as it is: %j", (text) => {
  expect(parse(edited({ data: { name: text } })).data).toEqual({ name: text });
});
