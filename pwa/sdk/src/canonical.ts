/**
 * Canonical JSON: one document, one spelling, in Python and TypeScript byte for byte.
 *
 * A subset of RFC 8785 in which every writer agrees by construction: UTF-8, sorted ASCII keys, integers within
 * ±(2^53−1), no floats, no duplicate keys, no NUL, no lone surrogates, depth at most 16. Canonical or refused: nothing
 * is repaired. What is refused is refused under the same code as in Python, so the faults are looked for in its order.
 */

import { DEPTH_MAX } from "./generated/limits.ts";

/** A document of the profile; floats are not in it. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** Bytes that cannot be merged as they are: `code` for machines, `detail` with a JSON pointer for people. */
export class Unacceptable extends Error {
  readonly code: string;
  readonly detail: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
  }
}

const KEY = /^[a-z][a-z0-9_]{0,63}$/;
const READER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const FORGIVING = new TextDecoder("utf-8", { ignoreBOM: true });
const WRITER = new TextEncoder();
/** How deep the reader of the server goes, and how deep its writer. */
const READ_DEPTH_MAX = 1024;
const WRITE_DEPTH_MAX = 254;
/** Texts, unsigned numbers, what opens or closes a branch, and what some writers take for numbers. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|\d[-+.\deE]*|[[{\]}]|-?Infinity|NaN/gs;
/** A number that is not written as a whole one: a float, whatever its value. */
const FLOAT = /^\d+(?=\D)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
const HALF_A_CHARACTER = /\p{Surrogate}/u;
/** NUL, which PostgreSQL keeps in no text, and halves of surrogate pairs, which UTF-8 has no bytes for. */
const NO_TEXT = /\0|\p{Surrogate}/u;

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The canonical bytes of a document of the profile; the caller answers for keys, numbers and depth.
 *
 * Throws Unacceptable for a text that has no bytes or that nobody would take: one with NUL or half a surrogate pair.
 */
export const dumps = (document: Json): Uint8Array => WRITER.encode(spelled(document));

const spelled = (document: Json): string =>
  JSON.stringify(document, (name, value: Json) => {
    if (typeof value === "string") checkText(value, name);
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value;
  });

function checkText(text: string, where: string): void {
  if (NO_TEXT.test(text)) {
    throw new Unacceptable("bad_text", `${where || "/"} holds a NUL character or half a surrogate pair`);
  }
}

/** The document that these bytes spell canonically; throws Unacceptable and says why. */
export function loads(raw: Uint8Array): Json {
  const document = loadsIfSpelledCanonically(raw);
  checkValues(document);
  return document;
}

/**
 * Parse, and refuse every spelling but the canonical one; throws Unacceptable.
 *
 * Floats, large integers and key names may be left to the caller: a closed schema rules those out in passing, which is
 * why the hot path uses this and `loads` is for everything else.
 */
export function loadsIfSpelledCanonically(raw: Uint8Array): Json {
  const [text, document] = read(raw);
  const isPlain = !/\\u(?:0000|d)/.test(text) && isSorted(document, 1) && JSON.stringify(document) === text;
  return isPlain ? document : readCarefully(text);
}

function read(raw: Uint8Array): [string, Json] {
  try {
    const text = READER.decode(raw);
    return [text, JSON.parse(text) as Json];
  } catch (error) {
    throw new Unacceptable("not_json", String(error));
  }
}

/** Whether all keys ascend, in nothing deeper than the profile. */
function isSorted(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth > DEPTH_MAX) return false;
  if (Array.isArray(value)) return value.every((each) => isSorted(each, depth + 1));
  let last = "";
  for (const key in value) {
    if (key <= last || !isSorted(value[key] as Json, depth + 1)) return false;
    last = key;
  }
  return true;
}

/** What JSON.parse forgives or hides is looked for here: half characters, infinity, floats, and what was said twice. */
function readCarefully(text: string): Json {
  const document = JSON.parse(withFloatsMarked(text, READ_DEPTH_MAX, asReadable)) as Json;
  if (isDeeper(document, WRITE_DEPTH_MAX)) throw new Unacceptable("too_deep", `nested deeper than ${DEPTH_MAX} levels`);
  checkValues(document);
  if (spelled(document) !== text) {
    throw new Unacceptable("not_canonical", "keys must be sorted and unique, without white space");
  }
  return document;
}

/**
 * What the bytes say to a reader who forgives NaN, halves of surrogate pairs, control characters and torn letters;
 * throws what JSON.parse throws.
 */
export function readLeniently(raw: Uint8Array): Json {
  try {
    return JSON.parse(withFloatsMarked(read(raw)[0], READ_DEPTH_MAX, asReadable));
  } catch {
    return JSON.parse(withFloatsMarked(FORGIVING.decode(raw), WRITE_DEPTH_MAX, withControlsEscaped));
  }
}

/** The same JSON with 0.5 for every number that is no whole one, because JSON.parse tells no 1.0 from 1. */
function withFloatsMarked(text: string, depthMax: number, read: (token: string) => string): string {
  let depth = 0;
  return text.replace(TOKEN, (token) => {
    if ("[{".includes(token) && ++depth > depthMax) throw new Unacceptable("not_json", "nested too deep to be read");
    if ("]}".includes(token)) depth--;
    const known = read(token);
    return FLOAT.test(known) ? "0.5" : known;
  });
}

function asReadable(token: string): string {
  if (token[0] === '"' ? HALF_A_CHARACTER.test(JSON.parse(token)) : Number(token) === Number.POSITIVE_INFINITY) {
    throw new Unacceptable("not_json", `${token.slice(0, 64)} is no JSON`);
  }
  return token;
}

function withControlsEscaped(token: string): string {
  if (token[0] !== '"') return /[NI]/.test(token) ? " 0.5" : token;
  return token.replace(/\\.|[^ -\uffff]/gs, (each) => (each.length > 1 ? each : JSON.stringify(each).slice(1, -1)));
}

const isDeeper = (value: Json, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1)));

/** Refuse what spelling alone does not show: floats, large integers, keys, depth, NUL; throws Unacceptable. */
export function checkValues(document: Json): void {
  const waiting: [value: Json, depth: number, where: string][] = [[document, 1, ""]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [value, depth, where] = next;
    if (typeof value === "string") checkText(value, where);
    if (typeof value === "number" && !Number.isSafeInteger(value)) {
      throw new Unacceptable("bad_number", `${where || "/"} is not an integer within ±(2^53−1)`);
    }
    if (typeof value === "object" && value !== null) waiting.push(...childrenOf(value, depth, where));
  }
}

function childrenOf(branch: Json[] | JsonObject, depth: number, where: string): [Json, number, string][] {
  if (depth > DEPTH_MAX) throw new Unacceptable("too_deep", `nested deeper than ${DEPTH_MAX} levels`);
  return Object.entries(branch).map(([key, each]) => {
    if (!Array.isArray(branch) && !KEY.test(key)) {
      throw new Unacceptable("bad_key", `${where}/${key.slice(0, 64)} is not a key: they match [a-z][a-z0-9_]{0,63}`);
    }
    return [each, depth + 1, `${where}/${key}`];
  });
}
