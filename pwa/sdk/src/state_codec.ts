/**
 * The state of an entity as canonical bytes: what is stored, taken from snapshots and hashed.
 *
 * It is what is left of each event: the values that nobody has knowingly replaced, under the write that said them:
 *
 *     {"clashes":[[dot, dot], ...]?, "replicas":[[replica, last seq, write, ...], ...], "sums":{field: decimal}?,
 *      "type":..., "version":...}
 *
 * `replicas` is the clock, by id; behind each follow, by seq, its writes of which something is left. A write is
 * [seq, milliseconds, values], [..., counter] or [..., counter, contested]: the seq as the difference to the write
 * before it of the same replica, the milliseconds of its effective stamp as the difference to the write before it in the
 * whole document (for the first, the seq and the milliseconds themselves), the counter of the stamp where it is not 0,
 * and by field the dots that contest the value. Of a set, `values` holds the elements that it added, of a map its
 * [key, value] pairs, each in order. A dot is [number of the replica, seq].
 */

import { dumps, type Json, type JsonObject } from "./canonical.ts";
import { counterOf, msOf, stamp } from "./hybrid_clock.ts";
import {
  byDot,
  type Cell,
  type Dot,
  decimal,
  dotOf,
  millionths,
  NOBODY,
  type Register,
  type Registers,
  type State,
  type Write,
} from "./merge.ts";
import { byCodePoint } from "./order.ts";
import { type FieldPlan, planOf } from "./plan.ts";
import { sha256 } from "./sha256.ts";

type NumberedDot = [replica: number, seq: number];

/** What is left of one event. */
interface Left {
  readonly write: Write;
  readonly values: JsonObject;
  readonly contested: JsonObject;
}

/** The canonical bytes of a state; equal states give equal bytes. */
export function encode({ type, version, clock, cells, clashes }: State): Uint8Array {
  const replicas = Object.keys(clock).sort();
  const numbered = ([replica, seq]: Dot): NumberedDot => [replicas.indexOf(replica), seq];
  const left = new Map<string, Left>();
  const sums: JsonObject = {};
  for (const field of planOf(type).places) {
    const cell = cells[field.place];
    if (typeof cell === "bigint") sums[field.name] = decimal(cell);
    else if (cell) keep(left, field, cell, numbered);
  }
  const document: JsonObject = { replicas: told(replicas, clock, [...left.values()]), type, version };
  if (Object.keys(sums).length) document.sums = sums;
  if (clashes.length) document.clashes = clashes.map((pair) => pair.map(numbered));
  return dumps(document);
}

/** Put what stands of a field under the writes that said it. */
function keep(
  left: Map<string, Left>,
  { name, kind }: FieldPlan,
  cell: Register | Registers,
  numbered: (dot: Dot) => NumberedDot,
): void {
  if (kind === "register") {
    for (const write of cell as Register) {
      const { values, contested } = leftOf(left, write);
      values[name] = write.value;
      if (write.contested.length) contested[name] = write.contested.map(numbered);
    }
    return;
  }
  for (const [key, writes] of [...(cell as Registers)].sort(([one], [other]) => byCodePoint(one, other))) {
    for (const write of writes) {
      const { values } = leftOf(left, write);
      values[name] = [...((values[name] ?? []) as Json[]), kind === "set" ? key : [key, write.value]];
    }
  }
}

function leftOf(left: Map<string, Left>, write: Write): Left {
  const dot = dotOf(write).join();
  const found = left.get(dot) ?? { write, values: {}, contested: {} };
  left.set(dot, found);
  return found;
}

function told(replicas: readonly string[], clock: State["clock"], left: Left[]): Json[] {
  let lastMs = 0;
  left.sort((one, other) => byDot(dotOf(one.write), dotOf(other.write)));
  return replicas.map((replica) => {
    let lastSeq = 0;
    const writes = left
      .filter(({ write }) => write.replica === replica)
      .map(({ write: { seq, effective }, values, contested }) => {
        const [ms, counter] = [msOf(effective), counterOf(effective)];
        const entry: Json = [seq - lastSeq, ms - lastMs, values];
        if (Object.keys(contested).length) entry.push(counter, contested);
        else if (counter) entry.push(counter);
        [lastSeq, lastMs] = [seq, ms];
        return entry;
      });
    return [replica, clock[replica] as number, ...writes];
  });
}

type Entry = [seq: number, ms: number, values: JsonObject, counter?: number, contested?: Record<string, NumberedDot[]>];

/** What `encode` writes. */
interface Stored {
  readonly clashes?: [NumberedDot, NumberedDot][];
  readonly replicas: [replica: string, last: number, ...writes: Entry[]][];
  readonly sums?: Record<string, string>;
  readonly type: string;
  readonly version: number;
}

/** The state that `encode` wrote; throws SyntaxError for bytes that are no JSON, RangeError for an unknown entity. */
export function decode(raw: Uint8Array): State {
  const { clashes = [], replicas, sums = {}, type, version }: Stored = JSON.parse(new TextDecoder().decode(raw));
  const { fields, places } = planOf(type);
  const cells: Cell[] = places.map(() => undefined);
  const dot = ([number, seq]: NumberedDot): Dot => [replicas[number]?.[0] as string, seq];
  let ms = 0;
  for (const [replica, , ...entries] of replicas) {
    let seq = 0;
    for (const [afterSeq, afterMs, values, counter, contested] of entries) {
      [seq, ms] = [seq + afterSeq, ms + afterMs];
      const write = { replica, seq, effective: stamp(ms, counter), value: null, contested: NOBODY };
      for (const [name, value] of Object.entries(values)) {
        const field = fields.get(name) as FieldPlan;
        const dots = contested?.[name]?.map(dot) ?? NOBODY;
        cells[field.place] = withLeft(field, cells[field.place], { ...write, value, contested: dots });
      }
    }
  }
  for (const [name, amount] of Object.entries(sums)) cells[(fields.get(name) as FieldPlan).place] = millionths(amount);
  const clock = Object.fromEntries(replicas.map(([replica, last]) => [replica, last]));
  return { type, version, clock, cells, clashes: clashes.map(([one, other]) => [dot(one), dot(other)]) };
}

/** The cell of a field with what is left of one event in it. */
function withLeft({ kind }: FieldPlan, cell: Cell, write: Write): Cell {
  if (kind === "register") return [...((cell as Register | undefined) ?? []), write];
  const after = new Map(cell as Registers | undefined);
  for (const each of write.value as (string | [string, Json])[]) {
    const [key, value] = typeof each === "string" ? [each, null] : each;
    after.set(key, [...(after.get(key) ?? []), { ...write, value }]);
  }
  return after;
}

/**
 * One hash of many entities: SHA-256 over `<id> <SHA-256 of its state>` lines, in the order of their ids.
 *
 * Two replicas that hold the same events have the same hash, in hexadecimal; `states` gives (entity id, encoded state),
 * in any order.
 */
export function stateHash(states: Iterable<readonly [entity: string, state: Uint8Array]>): string {
  const lines = Array.from(states, ([entity, state]) => `${entity} ${sha256(state)}\n`);
  return sha256(new TextEncoder().encode(lines.sort(byCodePoint).join("")));
}
