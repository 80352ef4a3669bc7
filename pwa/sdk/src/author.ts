/** Writing events on a replica: numbered without gaps, chained by hash, stamped by a clock that never runs backwards. */

import { hashOf, type Spelling, spell } from "./envelope.ts";
import { ENTITIES } from "./generated/catalogue.ts";
import { BEGINNING, type Stamp, tick } from "./hybrid_clock.ts";

/** Where a replica stands: what its next event must follow. A value; `write` returns the next one. */
export interface Author {
  readonly replica: string;
  /** Sequence number of its last event; 0 before the first. */
  readonly seq: number;
  /** Hash of its last event's bytes; null before the first. */
  readonly prev: string | null;
  /** The greatest stamp it has written or followed. */
  readonly at: Stamp;
  /** The log position it has pulled. */
  readonly seen: number;
}

/** An author who has written nothing yet. */
export const authorOf = (replica: string): Author => ({ replica, seq: 0, prev: null, at: BEGINNING, seen: 0 });

/** What the author decides; the rest of an event follows from where the replica stands. */
export interface Told extends Omit<Spelling, "replica" | "seq" | "prev" | "v" | "at" | "seen"> {
  readonly nowMs: number;
}

/**
 * The author after one more event, and the event's canonical bytes.
 *
 * `clock` is the clock of the entity's state as this replica knows it (`state.clock`; empty for a new entity); throws
 * RangeError for an event type that nobody declared for this entity, Unacceptable for a text that no event may hold: half
 * a surrogate pair, or NUL. What a clone of this replica wrote under numbers
 * that are not used here yet is left out of it: an event cannot have seen itself.
 */
export function write(author: Author, { nowMs, ...told }: Told): [Author, Uint8Array] {
  const fact = ENTITIES.get(told.entityType)?.facts.get(told.type);
  if (!fact) throw new RangeError(`${told.type} of ${told.entityType} is not an event we know`);
  const at = tick(author.at, nowMs);
  const seq = author.seq + 1;
  const { replica, prev, seen } = author;
  const { [replica]: own = 0, ...others } = told.clock;
  const clock: Record<string, number> = own ? { ...others, [replica]: Math.min(own, author.seq) } : others;
  if (!clock[replica]) delete clock[replica];
  const raw = spell({ ...told, clock, replica, seq, prev, v: fact.version, at, seen });
  return [{ ...author, seq, prev: hashOf(raw), at }, raw];
}
