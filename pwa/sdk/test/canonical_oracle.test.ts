/** The canonical form against a writer of RFC 8785 that others wrote: every character, and 100,000 documents. */

import canonicalize from "canonicalize";
import { expect, test } from "vitest";
import { dumps, type Json, loads } from "../src/canonical.ts";
import { DEPTH_MAX } from "../src/generated/limits.ts";

const SEED = 3;
const DOCUMENTS = 100_000;
const TEXT_LENGTH = 4096;
const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
const READER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const CHARACTERS = Array.from({ length: 0x10ffff }, (_, number) => String.fromCodePoint(number + 1)).filter((each) =>
  each.isWellFormed(),
);
/** What has a spelling of its own, or looks like the beginning of one. */
const TELLING = [
  ...'"\\/\b\f\n\r\t\u0001\u001f\u007f\u0080\u2028\u2029\ufeff\uffff\u{1f600}[]{}:,-+.eE \u0301',
  ...["\\u0000", "\\ud800", "u0000", "NaN", "Infinity", "1.0", "null", "</script>", "\r\n"],
];
const NAMES = ["constructor", "prototype", "a", "aa", "a1", "a_", "z".repeat(64), "length", "to_string"];
const NUMBERS = [0, -1, 1, INTEGER_MAX, -INTEGER_MAX, INTEGER_MAX - 1, 1e15, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 52];
const FIRST = [..."abcdefghijklmnopqrstuvwxyz"];
const LATER = [...FIRST, ..."0123456789_"];

test("every character of Unicode is spelled as the oracle and as the standard's text say", () => {
  expect(CHARACTERS.length).toBe(0x110000 - 0x800 - 1);
  for (let start = 0; start < CHARACTERS.length; start += TEXT_LENGTH) {
    const characters = CHARACTERS.slice(start, start + TEXT_LENGTH);
    const text = characters.join("");
    const raw = dumps(text);
    const misspelled = () => characters.filter((each) => READER.decode(dumps(each)) !== canonicalize(each)).map(named);
    if (READER.decode(raw) !== canonicalize(text)) expect.fail(`not as the oracle says: ${misspelled()}`);
    if (READER.decode(raw) !== `"${characters.map(asTheStandardSays).join("")}"`) {
      expect.fail(`not as the standard says: from ${named(characters[0] as string)}`);
    }
    if (loads(raw) !== text) expect.fail(`not read as it was written: from ${named(characters[0] as string)}`);
  }
});

test(`every document of ${DOCUMENTS} is spelled as the oracle spells it`, () => {
  const chance = chances(SEED);
  const depths = new Set<number>();
  for (let number = 0; number < DOCUMENTS; number++) {
    const document = branch(chance, Math.min(Math.floor(-4 * Math.log(1 - chance())), DEPTH_MAX));
    const wanted = canonicalize(document) as string;
    const raw = dumps(document);
    if (READER.decode(raw) !== wanted) expect(READER.decode(raw), `document ${number}`).toBe(wanted);
    if (canonicalize(loads(raw)) !== wanted) expect(loads(raw), `document ${number}`).toEqual(document);
    depths.add(depth(document));
  }
  expect([...depths].sort((one, other) => one - other)).toEqual(Array.from({ length: DEPTH_MAX + 1 }, (_, i) => i));
});

const named = (character: string) => `U+${(character.codePointAt(0) as number).toString(16).padStart(4, "0")}`;

/** RFC 8785, section 3.2.2.2. The oracle leaves this to JSON.stringify, as we do, so it is written out once. */
function asTheStandardSays(character: string): string {
  const short = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\" };
  if (character in short) return short[character as keyof typeof short];
  return character < " " ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : character;
}

/** A document so deep, its names in no order; what is beside the deepest is small. */
function branch(chance: () => number, levels: number): Json {
  if (levels === 0) return leaf(chance);
  const inner = several(chance, Math.floor(4 * chance() ** 2), leaf);
  inner.splice(whole(chance, inner.length + 1), 0, branch(chance, levels - 1));
  const kind = whole(chance, 8);
  if (kind === 0) return levels > 1 ? [...inner, [], {}] : [];
  return kind <= 3 ? inner : Object.fromEntries(inner.map((each) => [name(chance), each]));
}

function leaf(chance: () => number): Json {
  switch (whole(chance, 6)) {
    case 0:
      return one(chance, [null, true, false]);
    case 1:
      return one(chance, NUMBERS);
    case 2:
      return Math.trunc(((2 * chance() - 1) * INTEGER_MAX) / 2 ** whole(chance, 54)) + 0;
    case 3:
      return several(chance, whole(chance, 8), () => one(chance, TELLING)).join("");
    default:
      return several(chance, whole(chance, 12), () => one(chance, CHARACTERS)).join("");
  }
}

function name(chance: () => number): string {
  if (chance() < 0.2) return one(chance, NAMES);
  return one(chance, FIRST) + several(chance, whole(chance, 8), () => one(chance, LATER)).join("");
}

const whole = (chance: () => number, below: number) => Math.floor(chance() * below);
const one = <T>(chance: () => number, of: readonly T[]) => of[whole(chance, of.length)] as T;
const several = <T>(chance: () => number, length: number, make: (chance: () => number) => T) =>
  Array.from({ length }, () => make(chance));

function depth(document: Json): number {
  if (typeof document !== "object" || document === null) return 0;
  return 1 + Math.max(0, ...Object.values(document).map(depth));
}

/** Mulberry32, so that a seed names the same documents on every machine. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
