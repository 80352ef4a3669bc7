/** One authored event as it travels: the canonical bytes, what they say, and why some are not acceptable. */

import {
  checkValues,
  dumps,
  isObject,
  type Json,
  type JsonObject,
  loadsIfSpelledCanonically,
  readLeniently,
  Unacceptable,
} from "./canonical.ts";
import type { FactDeclaration, ObjectShape } from "./declaration.ts";
import { ENTITIES, ENVELOPE } from "./generated/catalogue.ts";
import { EVENT_BYTES_MAX } from "./generated/limits.ts";
import { misfit, misfitOfMember, shapeOf } from "./payload.ts";
import { sha256 } from "./sha256.ts";
import { upcast } from "./upcast.ts";
import { covers, type VectorClock } from "./vector_clock.ts";

export { Unacceptable };

/** Events that stand or fall together: the i-th of n, all of one batch, one after the other. */
export interface Tx {
  readonly id: string;
  readonly i: number;
  readonly n: number;
}

/** A place on earth: whole numbers of 1e-7 degrees (about a centimetre), WGS 84. */
export interface Position {
  readonly lat: number;
  readonly lon: number;
  readonly accuracy_m?: number;
  readonly source?: "gps" | "map" | "geocoder" | "import";
}

/** An authored event, parsed and checked; `raw` is what was hashed, and what is stored and sent. */
export interface Event {
  readonly id: string;
  readonly replica: string;
  readonly seq: number;
  readonly prev: string | null;
  /** The id of the entity. */
  readonly entity: string;
  readonly entityType: string;
  readonly type: string;
  readonly v: number;
  readonly clock: VectorClock;
  readonly at: string;
  readonly seen: number;
  /** What it says in the words of today's version, whichever version `v` its author wrote. */
  readonly data: Readonly<JsonObject>;
  readonly tx: Tx | undefined;
  readonly raw: Uint8Array;
  readonly fact: FactDeclaration;
}

/** The part of an event that chains it to its replica, readable even when the rest is not acceptable. */
export interface Link {
  readonly replica: string;
  readonly seq: number;
  readonly prev: string | null;
  readonly id: string | null;
  readonly entity: string | null;
}

/** Bytes in which not even the link to their replica can be read, so that no verdict can be given on them. */
export class Unreadable extends Error {}

/** The envelope as its shape lets it through. */
type Envelope = Omit<Event, "entity" | "entityType" | "data" | "tx" | "raw" | "fact"> & {
  entity: { id: string; type: string };
  data: JsonObject;
  tx?: Tx;
};

/** SHA-256 of an event's bytes, in hexadecimal: what the next event of its replica names as `prev`. */
export const hashOf = sha256;

/** The event that these bytes spell; throws Unacceptable. */
export function parse(raw: Uint8Array): Event {
  if (raw.length > EVENT_BYTES_MAX) {
    throw new Unacceptable("event_too_large", `${raw.length} bytes; at most ${EVENT_BYTES_MAX} are taken`);
  }
  const document = loadsIfSpelledCanonically(raw);
  const { entity, data, ...rest } = checkedEnvelope(document);
  const fact = checkedFact(document, entity.type, rest.type, rest.v);
  const today = checkedData(document, data, rest.v, fact);
  const { id, replica, seq, prev, type, v, clock, at, seen, tx } = rest;
  return {
    id,
    replica,
    seq,
    prev,
    entity: entity.id,
    entityType: entity.type,
    type,
    v,
    clock,
    at,
    seen,
    data: today,
    tx,
    raw,
    fact,
  };
}

function checkedEnvelope(document: Json): Envelope {
  const wrong = misfit(ENVELOPE, document);
  if (wrong !== undefined) refuse(document, codeOf(document), `${wrong || "/"} is not as in an event`);
  const envelope = document as unknown as Envelope;
  if (covers(envelope.clock, envelope.replica, envelope.seq)) {
    refuse(document, "bad_clock", "/clock: an event cannot have seen itself");
  }
  return envelope;
}

/** Only where nothing else is wrong is it the clock's fault. */
function codeOf(document: Json): string {
  if (!isObject(document)) return "bad_envelope";
  const names = Object.keys({ ...ENVELOPE.members, ...document });
  const wrong = names.filter((name) => misfitOfMember(ENVELOPE, document, name) !== undefined);
  return wrong.every((name) => /^(clock|at|seq|seen)$/.test(name)) ? "bad_clock" : "bad_envelope";
}

function checkedFact(document: Json, entity: string, type: string, v: number): FactDeclaration {
  const fact = ENTITIES.get(entity)?.facts.get(type);
  if (!fact) return refuse(document, "unknown_event", `/type: ${type} of ${entity} is not an event we know`);
  if (v > fact.version) refuse(document, "unknown_version", `/v: ${type} is known up to version ${fact.version}`);
  return fact;
}

function checkedData(document: Json, data: JsonObject, v: number, fact: FactDeclaration): JsonObject {
  if (v < fact.version) checkValues(document); // a step may drop what today's check would have looked at
  const today = v < fact.version ? upcast(data, fact.upcasts.slice(v - 1).flat()) : data;
  const wrong = misfit(shapeOf(fact), today);
  if (wrong !== undefined) refuse(document, "bad_data", `/data${wrong} is not as it was declared`);
  if (fact.name === "Edited" && fact.fields.size > 0 && Object.keys(today).length === 0) {
    refuse(document, "bad_data", "/data: an edit says at least one field");
  }
  return today;
}

/** Anything outside the profile tells more than what a shape has against it. */
function refuse(document: Json, code: string, detail: string): never {
  checkValues(document);
  throw new Unacceptable(code, detail);
}

/** The chain link of bytes that may be unacceptable otherwise; throws Unreadable. */
export function linkOf(raw: Uint8Array): Link {
  const document: JsonObject = { prev: null, ...members(raw) };
  const link = { id: null, entity: null, ...fitting(ENVELOPE, document, ["replica", "seq", "prev", "id"]) };
  if (!("replica" in link && "seq" in link && "prev" in link))
    throw new Unreadable("no replica, seq or prev to be read");
  const entity = isObject(document.entity) ? fitting(ENTITY_NAME, document.entity, ["id"]) : {};
  return { ...link, entity: entity.id ?? null } as unknown as Link;
}

const ENTITY_NAME = ENVELOPE.members.entity?.[0] as ObjectShape;

function members(raw: Uint8Array): JsonObject {
  try {
    const document = readLeniently(raw);
    if (isObject(document)) return document;
  } catch (error) {
    throw new Unreadable(String(error));
  }
  throw new Unreadable("an event is a JSON object");
}

/** Those of the members that are as they should be. */
const fitting = (shape: ObjectShape, value: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(
    names.filter((name) => misfitOfMember(shape, value, name) === undefined).map((name) => [name, value[name] as Json]),
  );

/** What an author says in an event. */
export interface Spelling extends Pick<Event, "id" | "replica" | "seq" | "prev" | "v" | "at" | "seen" | "type"> {
  readonly entity: string;
  readonly entityType: string;
  readonly clock: VectorClock;
  readonly data: Readonly<JsonObject>;
  readonly tx?: Tx | undefined;
  /** Why it was done, in the author's words. */
  readonly reason?: string | undefined;
  readonly geo?: Position | undefined;
}

/** The canonical bytes of an authored event; throws Unacceptable for a text that no event may hold. */
export const spell = ({ entity, entityType, ...members }: Spelling): Uint8Array =>
  dumps({ ...members, entity: { id: entity, type: entityType } } as unknown as JsonObject);
