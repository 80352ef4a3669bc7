/**
 * Why a value is what it is: the writes that were considered, who knew of whom, what stood, what lost, who is asked.
 *
 * An explanation is worked out from the events alone and is the same in whatever order they came. It repeats the merge
 * the slow way: every write of the field is looked at, not only those that are kept.
 * docs/reference/explanations.md says every member.
 */

import type { Json } from "./canonical.ts";
import type { LifecycleDeclaration, Policy } from "./declaration.ts";
import type { Event } from "./envelope.ts";
import type { Stamp } from "./hybrid_clock.ts";
import { apply, byDot, type Dot, dotOf, empty, knows, NOBODY, type State, type Write } from "./merge.ts";
import { byCodePoint } from "./order.ts";
import { type FieldPlan, planOf } from "./plan.ts";
import { type Conflict, conflicts, isSame, standing, values } from "./shown.ts";
import { covers, joined, type VectorClock } from "./vector_clock.ts";

/** One write that was considered. */
export interface ExplainedWrite {
  readonly event: string;
  readonly replica: string;
  readonly seq: number;
  readonly type: string;
  readonly at: Stamp;
  readonly effective: Stamp;
  readonly value: Json;
  /** For each replica, the last of its writes that the author had merged; those before it are seen with it. */
  readonly saw: readonly Dot[];
  readonly became: "shown" | "kept" | "replaced" | "counted" | "spent";
  /** The first that knew of it; several where they did not know of each other. */
  readonly replaced_by: readonly Dot[];
}

export interface ExplainedPart {
  /** The element or the key. */
  readonly of: string;
  readonly rule: "added" | "add_wins" | "removed" | "nobody_disagrees" | "newest";
  /** Whether the element is in the set; what the key says, null where it says nothing any more. */
  readonly shown: Json;
  readonly writes: readonly ExplainedWrite[];
}

export interface Explanation {
  readonly field: string;
  readonly policy: Policy;
  readonly rule:
    | "unwritten"
    | "nobody_disagrees"
    | "newest"
    | "earliest"
    | "highest_move"
    | "in_sight_while_contested"
    | "each_element"
    | "each_key"
    | "added_up";
  readonly shown: Json;
  readonly asks: readonly Pick<Conflict, "dots" | "reason" | "values">[];
  /** By (effective, replica, seq); absent where there are parts. */
  readonly writes?: readonly ExplainedWrite[];
  /** For a set its elements, for a map its keys. */
  readonly parts?: readonly ExplainedPart[];
}

/** What one event says of a field, or of one element or key of it. */
interface Act extends Write {
  readonly event: Event;
  /** All that its author had merged, the author's own earlier events included. */
  readonly knew: VectorClock;
}

/**
 * Why the field of an entity shows what it shows.
 *
 * `told` is every event of that one entity, at least one, with its effective stamp, in any causal order; an event that
 * is there twice counts once. Throws RangeError for a field that nobody declared, or if nothing was told.
 */
export function explain(told: Iterable<readonly [event: Event, effective: Stamp]>, field: string): Explanation {
  const [state, acts] = read(told, field);
  const plan = planOf(state.type);
  const { kind, policy } = plan.fields.get(field) as FieldPlan;
  const nothing = acts.length && (kind === "set" || kind === "map") ? [] : null;
  const shown = values(state)[field] ?? nothing;
  const asks = conflicts(state)
    .filter((each) => each.field === field)
    .map(({ dots, reason, values }) => ({ dots, reason, values }));
  return { asks, field, policy, shown, ...why(acts, plan.fields.get(field) as FieldPlan, plan.lifecycle, shown) };
}

type Why = Pick<Explanation, "rule" | "writes" | "parts">;

function why(acts: Act[], { name, kind, policy }: FieldPlan, lifecycle: LifecycleDeclaration | undefined, shown: Json) {
  if (!acts.length) return { rule: "unwritten", writes: [] } satisfies Why;
  if (name === "archived") return archived(acts, shown);
  switch (kind) {
    case "register":
      return register(acts, policy, lifecycle);
    case "sum":
      return { rule: "added_up", writes: writes(acts, () => "counted") } satisfies Why;
    case "set":
      return { rule: "each_element", parts: elements(acts) } satisfies Why;
    case "map":
      return { rule: "each_key", parts: keys(acts) } satisfies Why;
  }
}

/** The state that the events make, and what they say of the field, oldest first. */
function read(told: Iterable<readonly [Event, Stamp]>, field: string): [State, Act[]] {
  let state: State | undefined;
  const acts: Act[] = [];
  const knowing = new Map<string, VectorClock>();
  for (const [event, effective] of told) {
    const { replica, seq, clock, data, entityType, type } = event;
    state ??= empty(entityType);
    if (knows(state, replica, seq)) continue;
    state = apply(state, event, effective);
    const knew = { ...joined(knowing.get(replica) ?? {}, clock), [replica]: seq - 1 };
    knowing.set(replica, knew);
    const implied = planOf(entityType)
      .implied.get(type)
      ?.find(([each]) => each.name === field);
    const value = implied ? implied[1] : Object.hasOwn(data, field) ? (data[field] as Json) : undefined;
    if (value !== undefined) acts.push({ replica, seq, effective, value, contested: NOBODY, event, knew });
  }
  if (!state || !planOf(state.type).fields.has(field)) throw new RangeError(`${field} has no values to explain`);
  return [state, acts.sort(byAge)];
}

const byAge = (one: Act, other: Act): number =>
  one.effective === other.effective ? byDot(dotOf(one), dotOf(other)) : one.effective < other.effective ? -1 : 1;

const RULES: Partial<Record<Policy, "earliest" | "highest_move">> = {
  Once: "earliest",
  Log: "earliest",
  Ref: "earliest",
  Advance: "highest_move",
};

function register(acts: Act[], policy: Policy, lifecycle: LifecycleDeclaration | undefined) {
  const alive = standingOf(acts);
  const stands = standing(policy, alive, lifecycle);
  const agreed = alive.every((each) => isSame(each.value, stands.value));
  const rule = agreed ? "nobody_disagrees" : (RULES[policy] ?? "newest");
  return { rule, writes: writes(acts, (act) => (act === stands ? "shown" : "kept")) } satisfies Why;
}

/** Archived is what everybody agrees on and nobody contests; anything else stays in sight. */
function archived(acts: Act[], shown: Json) {
  const alive = standingOf(acts);
  const stands = alive.findLast((each) => each.value === shown);
  const contested = !shown && alive.some((each) => each.value);
  return {
    rule: contested ? "in_sight_while_contested" : "nobody_disagrees",
    writes: writes(acts, (act) => (act === stands ? "shown" : "kept")),
  } satisfies Why;
}

/** For every element that anybody added or removed, whether it is in the set and why. */
function elements(acts: Act[]): ExplainedPart[] {
  const edits = acts.map((act) => {
    const { add = [], remove = [] } = act.value as { add?: string[]; remove?: string[] };
    const said = new Map<string, Json>(remove.map((each) => [each, "removed"]));
    for (const each of add) said.set(each, "added");
    return [act, said] as const;
  });
  return partsOf(edits, (of, said) => {
    const last = new Set(standingOf(said).map((act) => act.value));
    const rule = !last.has("added") ? "removed" : last.has("removed") ? "add_wins" : "added";
    return { of, rule, shown: rule !== "removed", writes: writes(said, () => "shown").map(spent) };
  });
}

/** Nothing is kept of a removal: it took the additions that its author had seen, and is over. */
const spent = (write: ExplainedWrite): ExplainedWrite =>
  write.value === "removed" ? { ...write, became: "spent", replaced_by: [] } : write;

/** For every key that anybody wrote, what it says and why. */
function keys(acts: Act[]): ExplainedPart[] {
  const edits = acts.map((act) => [act, new Map(act.value as [string, Json][])] as const);
  return partsOf(edits, (of, said) => {
    const stands = standing("Latest", standingOf(said), undefined);
    const told = register(said, "Latest", undefined);
    return { of, rule: told.rule as "newest" | "nobody_disagrees", shown: stands.value, writes: told.writes };
  });
}

/** One part for each name in the edits, from the acts that name it with what each says of it. */
function partsOf(
  edits: readonly (readonly [Act, ReadonlyMap<string, Json>])[],
  part: (of: string, said: Act[]) => ExplainedPart,
): ExplainedPart[] {
  const names = new Set(edits.flatMap(([, said]) => [...said.keys()]));
  return [...names].sort(byCodePoint).map((name) =>
    part(
      name,
      edits.filter(([, said]) => said.has(name)).map(([act, said]) => ({ ...act, value: said.get(name) as Json })),
    ),
  );
}

const saw = (act: Act, other: Act): boolean => covers(act.knew, other.replica, other.seq);

const standingOf = (acts: readonly Act[]): Act[] => acts.filter((act) => !acts.some((other) => saw(other, act)));

/** The writes of each replica in its order; what an author knew only grows along it. */
const byReplica = (acts: readonly Act[]): Act[][] =>
  Object.values(
    Object.groupBy(
      acts.toSorted((one, other) => byDot(dotOf(one), dotOf(other))),
      (act) => act.replica,
    ) as Record<string, Act[]>,
  );

function writes(acts: readonly Act[], unlessReplaced: (act: Act) => ExplainedWrite["became"]): ExplainedWrite[] {
  const histories = byReplica(acts);
  return acts.map((act) => {
    const { event, replica, seq, effective, value } = act;
    const firsts = histories.flatMap((each) => each.find((later) => saw(later, act)) ?? []);
    const by =
      unlessReplaced(act) === "counted" ? [] : firsts.filter((one) => !firsts.some((other) => saw(one, other)));
    return {
      event: event.id,
      replica,
      seq,
      type: event.type,
      at: event.at,
      effective,
      value,
      saw: histories.flatMap((each) => each.findLast((earlier) => saw(act, earlier)) ?? []).map(dotOf),
      became: by.length ? "replaced" : unlessReplaced(act),
      replaced_by: by.map(dotOf),
    };
  });
}
