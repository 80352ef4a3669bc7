import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { dumps, type Json, type JsonObject, loads, Unacceptable } from "../src/canonical.ts";
import type { Step } from "../src/declaration.ts";
import { type Event, hashOf, type Link, linkOf, type Position, parse, spell, Unreadable } from "../src/envelope.ts";
import { explain } from "../src/explain.ts";
import { latestAt, msOf, observe, stamp, tick } from "../src/hybrid_clock.ts";
import { apply, empty, type State } from "../src/merge.ts";
import {
  type Ask,
  checked,
  HistoryRewritten,
  type Origin,
  type Pinned,
  Refused,
  type Shown,
} from "../src/pinned_log.ts";
import { conflicts, values } from "../src/shown.ts";
import { decode, encode, stateHash } from "../src/state_codec.ts";
import { upcast } from "../src/upcast.ts";
import { covers, joined, missing, type VectorClock } from "../src/vector_clock.ts";

/** A case is folded in every causal order if there are no more than these, else in so many of them. */
const ORDERS_MAX = 24;

const VECTORS = new URL("../../../tests/vectors/", import.meta.url);
const WRITER = new TextEncoder();
const READER = new TextDecoder();

interface Case {
  readonly name: string;
  readonly why: string;
}

/** Bytes as text, as base64 where they are no text, as parts where they repeat themselves. */
interface Bytes {
  readonly raw?: string;
  readonly base64?: string;
  readonly parts?: readonly (string | readonly [text: string, times: number])[];
}

function bytesOf({ raw, base64, parts }: Bytes): Uint8Array {
  if (base64 !== undefined) return Uint8Array.from(Buffer.from(base64, "base64"));
  const text = parts?.map((part) => (typeof part === "string" ? part : part[0].repeat(part[1]))).join("");
  return WRITER.encode(text ?? raw);
}

type Call = Case & { readonly call: string; readonly gives: Json };

/** The clocks' functions by the names that the vectors call them, each with its arguments by name. */
const CALLS: Readonly<Record<string, (given: never) => unknown>> = {
  tick: ({ last, now_ms }: { last: string; now_ms: number }) => tick(last, now_ms),
  observe: ({ last, seen, now_ms }: { last: string; seen: string; now_ms: number }) => observe(last, seen, now_ms),
  stamp: ({ ms, counter }: { ms: number; counter: number }) => stamp(ms, counter),
  latest_at: ({ ms }: { ms: number }) => latestAt(ms),
  ms_of: ({ at }: { at: string }) => msOf(at),
  covers: ({ clock, replica, seq }: { clock: VectorClock; replica: string; seq: number }) =>
    covers(clock, replica, seq),
  missing: ({ clock, known }: { clock: VectorClock; known: VectorClock }) => missing(clock, known),
  joined: ({ one, other }: { one: VectorClock; other: VectorClock }) => joined(one, other),
};

function runCall(given: Call): void {
  const call = CALLS[given.call];
  expect(call, given.call).toBeDefined();
  expect(call?.(given as never)).toStrictEqual(given.gives);
}

/** The code under which a reader refuses, or what went wrong instead. */
function codeOf(read: () => unknown): string {
  try {
    read();
  } catch (why) {
    if (why instanceof Unacceptable) return why.code;
    throw why;
  }
  return "accepted";
}

function runCanonical(given: Case & Bytes & { readonly code?: string; readonly document?: Json }): void {
  const raw = bytesOf(given);
  if (given.code !== undefined) {
    expect(codeOf(() => loads(raw))).toBe(given.code);
  } else {
    expect(loads(raw)).toStrictEqual(given.document);
    expect(READER.decode(dumps(given.document as Json))).toBe(READER.decode(raw));
  }
}

interface Said extends Omit<Event, "entityType" | "raw" | "fact" | "tx"> {
  readonly entity_type: string;
  readonly tx?: Event["tx"];
}

type EnvelopeCase = Case & Bytes & { code?: string; event?: Said; hash?: string; link?: Link | null };

function runEnvelope(given: EnvelopeCase): void {
  const raw = bytesOf(given);
  if (given.code !== undefined) {
    expect(codeOf(() => parse(raw))).toBe(given.code);
  } else {
    const { entity_type: entityType, ...said } = given.event as Said;
    const { fact, raw: kept, ...event } = parse(raw);
    expect(event).toStrictEqual({ tx: undefined, ...said, entityType });
    expect(fact.name).toBe(said.type);
    expect(kept).toBe(raw);
    expect(hashOf(raw)).toBe(given.hash);
    expect(READER.decode(spelledAgain(event, raw))).toBe(READER.decode(raw));
  }
  if (given.link !== undefined) runLink(raw, given.link);
}

/** The same event written anew, with what parsing does not keep taken from its bytes. */
function spelledAgain(event: Omit<Event, "fact" | "raw">, raw: Uint8Array): Uint8Array {
  const { data, reason, geo } = loads(raw) as JsonObject;
  return spell({
    ...event,
    data: data as JsonObject,
    reason: reason as string | undefined,
    geo: geo as unknown as Position | undefined,
  });
}

function runLink(raw: Uint8Array, link: Link | null): void {
  if (link === null) expect(() => linkOf(raw)).toThrow(Unreadable);
  else expect(linkOf(raw)).toStrictEqual(link);
}

interface Told {
  readonly raw: string;
  readonly effective: string;
}

interface MergeCase extends Case {
  readonly told: readonly Told[];
  readonly values: JsonObject;
  readonly conflicts: Json;
  readonly state: string;
  readonly hash: string;
}

function runMerge(given: MergeCase): void {
  const told = given.told.map(({ raw, effective }) => ({ event: parse(WRITER.encode(raw)), effective }));
  const first = told[0]?.event as Event;
  for (const order of causalOrders(told.map(({ event }) => event))) {
    let state = empty(first.entityType);
    for (const place of order) {
      const { event, effective } = told[place] as { event: Event; effective: string };
      state = withOneMore(state, event, effective);
    }
    const raw = encode(state);
    expect(READER.decode(raw)).toBe(given.state);
    expect(stateHash([[first.entity, raw]])).toBe(given.hash);
    expect(asJson(values(state))).toStrictEqual(asJson(given.values));
    expect(asJson(conflicts(state))).toStrictEqual(given.conflicts);
  }
}

/** One more event, twice, and stored and read in between: neither may matter. */
function withOneMore(state: State, event: Event, effective: string): State {
  const after = apply(state, event, effective);
  const stored = apply(decode(encode(state)), event, effective);
  expect(READER.decode(encode(stored))).toBe(READER.decode(encode(after)));
  return apply(after, event, effective);
}

/** As JSON would carry it, so that classes, prototypes and the order of members do not count. */
const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value));

/** Orders of arrival in which nothing comes before what its author had merged: all, or the first and the last ones. */
function causalOrders(events: readonly Event[]): number[][] {
  const before = events.map(
    (event) => new Set(events.flatMap((other, place) => (isSeenBy(event, other) ? place : []))),
  );
  const forwards = taken(orders(before, [], false), ORDERS_MAX + 1);
  if (forwards.length <= ORDERS_MAX) return forwards;
  return [...forwards.slice(0, ORDERS_MAX / 2), ...taken(orders(before, [], true), ORDERS_MAX / 2)];
}

function* orders(before: readonly Set<number>[], arrived: number[], fromBehind: boolean): Generator<number[]> {
  if (arrived.length === before.length) yield arrived;
  const ready = before.flatMap((needed, place) =>
    !arrived.includes(place) && [...needed].every((each) => arrived.includes(each)) ? place : [],
  );
  for (const place of fromBehind ? ready.reverse() : ready) yield* orders(before, [...arrived, place], fromBehind);
}

function taken<Kind>(from: Generator<Kind>, most: number): Kind[] {
  const found: Kind[] = [];
  for (const each of from) if (found.push(each) === most) break;
  return found;
}

const isSeenBy = (event: Event, earlier: Event): boolean =>
  event.replica === earlier.replica ? earlier.seq < event.seq : covers(event.clock, earlier.replica, earlier.seq);

interface StateHashCase extends Case {
  readonly told?: readonly Told[];
  readonly states: readonly (readonly [entity: string, state: string])[];
  readonly hash: string;
}

function runStateHash(given: StateHashCase): void {
  const folded = new Map<string, State>();
  for (const { raw, effective } of given.told ?? []) {
    const event = parse(WRITER.encode(raw));
    folded.set(event.entity, apply(folded.get(event.entity) ?? empty(event.entityType), event, effective));
  }
  for (const [entity, state] of folded) expect(given.states).toContainEqual([entity, READER.decode(encode(state))]);
  expect(stateHash(given.states.map(([entity, text]) => [entity, WRITER.encode(text)]))).toBe(given.hash);
}

interface UpcastCase extends Case {
  readonly data: JsonObject;
  readonly steps: readonly Step[];
  readonly gives: JsonObject;
}

function runUpcast({ data, steps, gives }: UpcastCase): void {
  const before = structuredClone(data);
  expect(upcast(data, steps)).toStrictEqual(gives);
  expect(data).toStrictEqual(before);
}

interface ExplainCase extends Case {
  readonly told: readonly Told[];
  readonly field: string;
  readonly explains: Json;
}

function runExplain({ told, field, explains }: ExplainCase): void {
  const events = told.map(({ raw, effective }) => [parse(WRITER.encode(raw)), effective] as const);
  for (const order of causalOrders(events.map(([event]) => event))) {
    const arrived = order.map((place) => events[place] as (typeof events)[number]);
    expect(asJson(explain([...arrived, ...arrived], field))).toStrictEqual(explains);
  }
}

interface Contact {
  readonly origin: Origin;
  readonly answers: Readonly<Record<string, Shown | { readonly code: string }>>;
  readonly keeps: readonly [newest: number, settled: number | null] | "rewritten" | "refused" | null;
}

async function runPinnedLog({ steps }: Case & { readonly steps: readonly Contact[] }): Promise<void> {
  let pinned: Pinned | null = null;
  for (const { origin, answers, keeps } of steps) {
    const ask: Ask = async (since) => answers[since] as Shown;
    if (keeps === "rewritten" || keeps === "refused") {
      const stops = keeps === "refused" ? Refused : HistoryRewritten;
      await expect(checked(pinned, ask, origin)).rejects.toThrow(stops);
      return;
    }
    pinned = await checked(pinned, ask, origin);
    expect(pinned && [pinned.newest.size, pinned.settled?.size ?? null]).toStrictEqual(keeps);
    pinned = JSON.parse(JSON.stringify(pinned)) as Pinned | null; // as it is kept
  }
}

/** How the cases of each file are run. */
const RUN: Readonly<Record<string, (given: never) => void | Promise<void>>> = {
  hybrid_clock: runCall,
  vector_clock: runCall,
  canonical: runCanonical,
  envelopes: runEnvelope,
  values: runEnvelope,
  policies: runMerge,
  moves: runMerge,
  conflicts: runMerge,
  state_hashes: runStateHash,
  upcasts: runUpcast,
  explanations: runExplain,
  pinned_log: runPinnedLog,
};

const FILES = readdirSync(VECTORS).filter((name) => name.endsWith(".json"));

for (const file of FILES) {
  const family = file.replace(".json", "");
  const { cases } = JSON.parse(readFileSync(new URL(file, VECTORS), "utf8")) as { cases: Case[] };
  describe(family, () => {
    test.each(cases)("$name", (given) => RUN[family]?.(given as never));
  });
}

test("there is a runner for every file of vectors, and a file for every runner", () => {
  expect(FILES.map((file) => file.replace(".json", "")).sort()).toStrictEqual(Object.keys(RUN).sort());
});
