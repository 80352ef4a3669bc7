/**
 * The other half of `cairn prove convergence`: folds histories that come over stdin, and says what came of them.
 *
 * A question is a line `hash COUNT ENTITY FIELD,FIELD` or `details` and the same, COUNT lines `EFFECTIVE EVENT` and one
 * line with the places of the events in another causal order, as JSON. The answer is one line of JSON: the hashes of the
 * states, of what people see of them, and of the explanations of those fields; or all of these themselves; or `{error}`
 * with what went wrong. Ends when stdin does.
 */

import { readSync, writeSync } from "node:fs";
import { dumps, type Json } from "../src/canonical.ts";
import { type Event, hashOf, parse } from "../src/envelope.ts";
import { explain } from "../src/explain.ts";
import { apply, empty, type State } from "../src/merge.ts";
import { conflicts, values } from "../src/shown.ts";
import { decode, encode, stateHash } from "../src/state_codec.ts";

interface Told {
  readonly event: Event;
  readonly effective: string;
}

type States = ReadonlyMap<string, State>;

const STORED_EACH = 7;
const LINE_FEED = 10;
const utf8 = new TextDecoder();

/** Lines of stdin, as bytes. */
function* lines(): Generator<Uint8Array, undefined> {
  const piece = new Uint8Array(1 << 16);
  let rest = new Uint8Array(0);
  for (let read = readSync(0, piece); read > 0; read = readSync(0, piece)) {
    const bytes = new Uint8Array(rest.length + read);
    bytes.set(rest);
    bytes.set(piece.subarray(0, read), rest.length);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.slice(start);
  }
}

/** An event, once it is known that it continues its replica's chain. */
function toldIn(line: Uint8Array, last: Map<string, string>): Told {
  const event = parse(line.subarray(17));
  if (event.prev !== (last.get(event.replica) ?? null)) throw new Error(`${event.id}: prev does not follow`);
  last.set(event.replica, hashOf(event.raw));
  return { event, effective: utf8.decode(line.subarray(0, 16)) };
}

function folded(told: readonly Told[]): States {
  const states = new Map<string, State>();
  for (const { event, effective } of told) {
    states.set(event.entity, apply(states.get(event.entity) ?? empty(event.entityType), event, effective));
  }
  return states;
}

/** As a server does it: states are stored and read in between, and events come again. */
function storedAndRepeated(told: readonly Told[]): States {
  const states = new Map<string, State>();
  for (const [number, { event, effective }] of told.entries()) {
    const state = apply(states.get(event.entity) ?? empty(event.entityType), event, effective);
    states.set(event.entity, number % STORED_EACH ? state : decode(encode(state)));
    const again = told[number >> 1] as Told;
    const before = states.get(again.event.entity) as State;
    if (apply(before, again.event, again.effective) !== before) throw new Error(`${again.event.id} counts twice`);
  }
  return states;
}

const seen = (state: State): Json => ({ values: values(state), conflicts: conflicts(state) }) as unknown as Json;

type Spell = (state: State) => Uint8Array;

/** The hash of all entities, once it is known that two ways of folding come to the same bytes of each. */
function agreedHash(one: States, other: States, spell: Spell): string {
  const spelled = [...one].map(([entity, state]): [string, Uint8Array] => [entity, spell(state)]);
  for (const [entity, bytes] of spelled) {
    const others = spell(other.get(entity) as State);
    if (utf8.decode(bytes) !== utf8.decode(others)) {
      throw new Error(`${entity}: ${utf8.decode(bytes)} in another causal order ${utf8.decode(others)}`);
    }
  }
  return stateHash(spelled);
}

const details = (states: States): Json =>
  Object.fromEntries(
    [...states].map(([entity, state]) => [entity, { state: utf8.decode(encode(state)), seen: seen(state) }]),
  );

function explained(told: readonly Told[], entity: string, fields: string): Json {
  const ours = told.filter(({ event }) => event.entity === entity);
  const pairs = ours.map(({ event, effective }) => [event, effective] as const);
  return fields.split(",").map((field) => explain(pairs, field)) as unknown as Json;
}

function answer(header: string, told: readonly Told[], order: readonly number[]): Json {
  const [kind, , entity = "", fields = ""] = header.split(" ");
  const one = folded(told);
  const why = explained(told, entity, fields);
  if (kind === "details") return { entities: details(one), explained: why };
  const other = storedAndRepeated(order.map((place) => told[place] as Told));
  return {
    hash: agreedHash(one, other, encode),
    shown: agreedHash(one, other, (state) => dumps(seen(state))),
    explained: hashOf(dumps(why)),
  };
}

function question(header: string, rest: Iterator<Uint8Array>): Json {
  const asked = Array.from({ length: Number(header.split(" ")[1]) + 1 }, () => rest.next().value as Uint8Array);
  try {
    const last = new Map<string, string>();
    const told = asked.slice(0, -1).map((line) => toldIn(line, last));
    return answer(header, told, JSON.parse(utf8.decode(asked.at(-1))) as number[]);
  } catch (error) {
    return { error: String(error) };
  }
}

const input = lines();
for (let header = input.next(); !header.done; header = input.next()) {
  writeSync(1, `${JSON.stringify(question(utf8.decode(header.value), input))}\n`);
}
