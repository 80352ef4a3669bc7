/**
 * The merge: a pure fold of events into the state of one entity.
 *
 * Per field it keeps every causally maximal write under its dot (replica, seq), so the state is a function of the *set*
 * of events, whatever the order of arrival. Two things are promised by whoever calls `apply`: events arrive causally
 * (what an event's clock names is already in), and each replica's events arrive in their order. Then no event that is
 * already in can have seen the new one, and one look-up per kept write decides: it was seen and goes, or it is
 * concurrent and stays.
 */

import type { Json } from "./canonical.ts";
import type { Event } from "./envelope.ts";
import type { Stamp } from "./hybrid_clock.ts";
import { type ClashPlan, type EntityPlan, type FieldPlan, planOf } from "./plan.ts";
import { covers, type VectorClock } from "./vector_clock.ts";

/** (replica, seq): the name of one event among all. */
export type Dot = readonly [replica: string, seq: number];

/** One value that somebody wrote and nobody has knowingly replaced. */
export interface Write {
  readonly replica: string;
  readonly seq: number;
  readonly effective: Stamp;
  /** Null for an element of a set, which is its own value. */
  readonly value: Json;
  /** For each replica, its latest event that is concurrent with this write, where that is somebody's business. */
  readonly contested: readonly Dot[];
}

/** The concurrent writes of one field, or of one element or key of it. */
export type Register = readonly Write[];
export type Registers = ReadonlyMap<string, Register>;

/** A register: its writes. A set or a map: writes by element or key. A sum: whole millionths. Undefined: nobody wrote. */
export type Cell = Register | Registers | bigint | undefined;

/** One entity as a replica knows it. A value: `apply` returns a new one and leaves this one as it is. */
export interface State {
  readonly type: string;
  /** How many events are in. */
  readonly version: number;
  /** For each replica that wrote this entity, the seq of its last event that is in. */
  readonly clock: VectorClock;
  /** By the place of the field in its entity's plan; `values` and `conflicts` read them. */
  readonly cells: readonly Cell[];
  /** Pairs of concurrent writes to two fields that a person must look at together. */
  readonly clashes: readonly (readonly [Dot, Dot])[];
}

export const NOBODY: readonly Dot[] = [];
const NOTHING: Register = [];
const NO_CLASHES: readonly (readonly [Dot, Dot])[] = [];

/** An entity of which nothing is known yet; throws RangeError for a type that nobody declared. */
export const empty = (type: string): State => ({
  type,
  version: 0,
  clock: {},
  cells: planOf(type).places.map(() => undefined),
  clashes: NO_CLASHES,
});

/** Whether the event with this dot is in, or was passed over for good. */
export const knows = (state: State, replica: string, seq: number): boolean => covers(state.clock, replica, seq);

/**
 * The state with one more event in it; an event that is already in changes nothing.
 *
 * `effective` is the server's stamp of the event, or its own `at` while the server has not spoken.
 */
export function apply(state: State, event: Event, effective: Stamp): State {
  if (covers(state.clock, event.replica, event.seq)) return state;
  const plan = planOf(state.type);
  const cells = state.cells.slice();
  for (const name in event.data) {
    const field = plan.fields.get(name) as FieldPlan;
    cells[field.place] = written(field, cells[field.place], event, effective, event.data[name] as Json);
  }
  const implied = plan.implied.get(event.type) ?? [];
  contestEarlier(cells, event, plan);
  for (const [field, value] of implied) {
    const contested = isContestedByAny(field, value, plan) ? unseenAuthors(state.clock, event) : NOBODY;
    const write = writeOf(event, effective, value, contested);
    cells[field.place] = register(cells[field.place] as Register | undefined, write, event);
  }
  return {
    type: state.type,
    version: state.version + 1,
    clock: { ...state.clock, [event.replica]: event.seq },
    cells,
    clashes: plan.clash ? clashes(state, cells, event, plan.clash) : NO_CLASHES,
  };
}

const writeOf = (event: Event, effective: Stamp, value: Json, contested = NOBODY): Write => ({
  replica: event.replica,
  seq: event.seq,
  effective,
  value,
  contested,
});

function written({ kind }: FieldPlan, before: Cell, event: Event, effective: Stamp, value: Json): Cell {
  switch (kind) {
    case "register":
      return register(before as Register | undefined, writeOf(event, effective, value), event);
    case "set":
      return edited(before as Registers | undefined, value as SetEdit, event, effective);
    case "map":
      return merged(before as Registers | undefined, value as [string, Json][], event, effective);
    case "sum":
      return ((before as bigint | undefined) ?? 0n) + millionths(value as string);
  }
}

/** The writes of a register with a new one, without those that its author had seen. */
function register(before: Register | undefined, write: Write, event: Event): Register {
  if (before === undefined) return [write];
  const kept = unseen(before, event);
  return kept.length ? [...kept, write] : [write];
}

const unseen = (writes: Register, event: Event): Register => writes.filter((write) => isConcurrent(event, write));

/** Whether a write that is in was unknown to the author of a new event. */
const isConcurrent = (event: Event, { replica, seq }: { replica: string; seq: number }): boolean =>
  replica !== event.replica && !covers(event.clock, replica, seq);

type SetEdit = { readonly add?: readonly string[]; readonly remove?: readonly string[] };

/** A set that is empty again is absent, as if nobody had written it. */
function edited(
  before: Registers | undefined,
  { add = [], remove = [] }: SetEdit,
  event: Event,
  effective: Stamp,
): Cell {
  const after = new Map(before);
  for (const element of [...remove, ...add]) {
    const kept = unseen(after.get(element) ?? NOTHING, event);
    if (kept.length) after.set(element, kept);
    else after.delete(element);
  }
  for (const element of new Set(add)) {
    after.set(element, [...(after.get(element) ?? NOTHING), writeOf(event, effective, null)]);
  }
  return after.size ? after : undefined;
}

function merged(before: Registers | undefined, pairs: readonly [string, Json][], event: Event, effective: Stamp): Cell {
  const after = new Map(before);
  for (const [key, value] of pairs) after.set(key, register(after.get(key), writeOf(event, effective, value), event));
  return after.size ? after : undefined;
}

/** Note the event on every write that its author had not seen and that any concurrent event contests. */
function contestEarlier(cells: Cell[], event: Event, { contestable }: EntityPlan): void {
  for (const [field, values] of contestable) {
    const writes = cells[field.place] as Register | undefined;
    if (!writes?.some((write) => values.has(write.value))) continue;
    cells[field.place] = writes.map((write) =>
      values.has(write.value) && isConcurrent(event, write)
        ? { ...write, contested: noted(write.contested, event) }
        : write,
    );
  }
}

const isContestedByAny = (field: FieldPlan, value: Json, { contestable }: EntityPlan): boolean =>
  contestable.some(([each, values]) => each === field && values.has(value));

const noted = (contested: readonly Dot[], { replica, seq }: Event): readonly Dot[] =>
  [...contested.filter((dot) => dot[0] !== replica), [replica, seq] as const].sort(byDot);

/** Whose events are in that the author of this one had not seen, each with the last of them. */
const unseenAuthors = (clock: VectorClock, event: Event): readonly Dot[] =>
  Object.entries(clock)
    .filter(([replica, seq]) => isConcurrent(event, { replica, seq }))
    .sort(byDot);

/** The pairs of concurrent writes to the two clashing fields, old and new. */
function clashes(state: State, cells: readonly Cell[], event: Event, rule: ClashPlan): State["clashes"] {
  const ours = (cells[rule.field.place] ?? NOTHING) as Register;
  const theirs = (cells[rule.status.place] ?? NOTHING) as Register;
  const pairs = state.clashes.filter(([one, other]) => isAmong(ours, one) && isAmong(theirs, other));
  for (const one of ours) {
    for (const move of theirs) {
      const isOfUs = [isBy(event, one), isBy(event, move)];
      if (isOfUs[0] !== isOfUs[1] && rule.moves.has(move.value) && isConcurrent(event, isOfUs[0] ? move : one)) {
        pairs.push([dotOf(one), dotOf(move)]);
      }
    }
  }
  return pairs.length ? pairs.sort(([a, b], [c, d]) => byDot(a, c) || byDot(b, d)) : NO_CLASHES;
}

const isBy = (event: Event, write: Write): boolean => write.replica === event.replica && write.seq === event.seq;

const isAmong = (writes: Register, [replica, seq]: Dot): boolean =>
  writes.some((write) => write.replica === replica && write.seq === seq);

export const dotOf = (write: Write): Dot => [write.replica, write.seq];

/** Replicas are plain ASCII, so their order is the same in every language. */
export const byDot = ([one, earlier]: Dot, [other, later]: Dot): number =>
  one === other ? earlier - later : one < other ? -1 : 1;

/** A decimal of the profile as a whole number of millionths. */
export function millionths(decimal: string): bigint {
  const [whole = "", fraction = ""] = decimal.split(".");
  return BigInt(whole + fraction.padEnd(6, "0")); // the sign stands before both
}

/** A whole number of millionths as a decimal of the profile. */
export function decimal(amount: bigint): string {
  const digits = String(amount < 0n ? -amount : amount).padStart(7, "0");
  const text = `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, "");
  return amount < 0n ? `-${text}` : text;
}
