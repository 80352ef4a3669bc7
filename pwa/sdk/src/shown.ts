/** What people see of a merged state: one value per field, and what is waiting for somebody to decide. */

import { dumps, type Json, type JsonObject } from "./canonical.ts";
import type { LifecycleDeclaration, Move, Policy } from "./declaration.ts";
import {
  byDot,
  type Cell,
  type Dot,
  decimal,
  dotOf,
  type Register,
  type Registers,
  type State,
  type Write,
} from "./merge.ts";
import { byCodePoint } from "./order.ts";
import { type EntityPlan, type FieldPlan, planOf } from "./plan.ts";

/** Writes that nobody has reconciled yet; open until one event is written by somebody who had seen them all. */
export interface Conflict {
  readonly field: string;
  /** Why a person is asked. */
  readonly reason: "values_differ" | "moves_clash" | "contested" | "reassigned_under_way";
  /** What each side wrote, in the order of `dots`; for moves the moves, not the statuses they lead to. */
  readonly values: readonly Json[];
  /** (replica, seq) of each write. */
  readonly dots: readonly Dot[];
  /** What is shown meanwhile. */
  readonly shown: Json;
}

/** One value per written field: what a person would read on a form. Fields that nobody wrote are absent. */
export function values(state: State): JsonObject {
  const plan = planOf(state.type);
  const shown: JsonObject = {};
  for (const field of plan.places) {
    const cell = state.cells[field.place];
    if (cell !== undefined) shown[field.name] = fieldValue(field, cell, plan);
  }
  return shown;
}

function fieldValue(field: FieldPlan, cell: NonNullable<Cell>, plan: EntityPlan): Json {
  switch (field.kind) {
    case "set":
      return [...(cell as Registers).keys()].sort(byCodePoint);
    case "sum":
      return decimal(cell as bigint);
    case "map":
      return [...(cell as Registers)]
        .map(([key, writes]) => [key, standing("Latest", writes, undefined).value] as [string, Json])
        .filter(([, value]) => value !== null)
        .sort(([one], [other]) => byCodePoint(one, other));
    case "register":
      return registerValue(field, cell as Register, plan);
  }
}

function registerValue(field: FieldPlan, writes: Register, plan: EntityPlan): Json {
  if (field.name === "archived") {
    return writes.every((each) => each.value === true && !contesting(each, writes).length);
  }
  const { value } = standing(field.policy, writes, plan.lifecycle);
  return field === plan.status ? moveOf(plan.lifecycle, value).leadsTo : value;
}

/** The write that is shown among concurrent ones. */
export function standing(policy: Policy, writes: Register, lifecycle: LifecycleDeclaration | undefined): Write {
  return writes.reduce((one, other) => (isShownBefore(policy, one, other, lifecycle) ? one : other));
}

function isShownBefore(policy: Policy, one: Write, other: Write, lifecycle: LifecycleDeclaration | undefined): boolean {
  switch (policy) {
    case "Latest":
    case "Ask":
    case "Server":
      return isNewer(one, other);
    case "Once":
    case "Log":
    case "Ref":
      return isNewer(other, one);
    case "Advance": {
      const ahead = moveOf(lifecycle, one.value).rank - moveOf(lifecycle, other.value).rank;
      return ahead > 0 || (ahead === 0 && isNewer(one, other));
    }
    default:
      throw new TypeError(`${policy} shows all of its writes`);
  }
}

const isNewer = (one: Write, other: Write): boolean =>
  one.effective === other.effective ? byDot(dotOf(one), dotOf(other)) > 0 : one.effective > other.effective;

const moveOf = (lifecycle: LifecycleDeclaration | undefined, name: Json): Move =>
  lifecycle?.moves.get(name as string) as Move;

/** Equal values have one canonical spelling. */
export const isSame = (one: Json, other: Json): boolean =>
  one === other || (typeof one === "object" && typeof other === "object" && `${dumps(one)}` === `${dumps(other)}`);

/** Who contests a write, apart from those who wrote the same. */
const contesting = (write: Write, writes: Register): readonly Dot[] =>
  write.contested.filter(
    ([replica, seq]) =>
      !writes.some((other) => other.replica === replica && other.seq === seq && isSame(other.value, write.value)),
  );

/** Everything about this entity that waits for a person, by field. */
export function conflicts(state: State): Conflict[] {
  const plan = planOf(state.type);
  return [...plan.places]
    .sort((one, other) => byCodePoint(one.name, other.name))
    .flatMap((field) => registerConflicts(field, state.cells[field.place], plan))
    .concat(clashConflicts(state, plan));
}

function registerConflicts(field: FieldPlan, cell: Cell, plan: EntityPlan): Conflict[] {
  if (field.kind !== "register" || cell === undefined) return [];
  const writes = (cell as Register).toSorted((one, other) => byDot(dotOf(one), dotOf(other)));
  const shown = registerValue(field, writes, plan);
  const conflict = (reason: Conflict["reason"], values: Json[], dots: Dot[]): Conflict => ({
    field: field.name,
    reason,
    values,
    dots,
    shown,
  });
  const reason = asks(field.policy, writes, plan.lifecycle);
  const atOdds = reason
    ? [
        conflict(
          reason,
          writes.map((write) => write.value),
          writes.map(dotOf),
        ),
      ]
    : [];
  const contested = writes
    .map((write) => [write, contesting(write, writes)] as const)
    .filter(([, dots]) => dots.length)
    .map(([write, dots]) => conflict("contested", [write.value], [dotOf(write), ...dots]));
  return [...atOdds, ...contested];
}

function asks(
  policy: Policy,
  writes: Register,
  lifecycle: LifecycleDeclaration | undefined,
): "values_differ" | "moves_clash" | undefined {
  const all = writes.map((write) => write.value);
  switch (policy) {
    case "Ask":
    case "Once":
    case "Ref":
    case "Log":
      return all.some((value) => !isSame(value, all[0] as Json)) ? "values_differ" : undefined;
    case "Advance": {
      const met = all.some((one) => all.some((other) => lifecycle?.asks.get(one as string)?.has(other as string)));
      return met ? "moves_clash" : undefined;
    }
    default:
      return undefined;
  }
}

function clashConflicts({ clashes, cells }: State, { clash, ...plan }: EntityPlan): Conflict[] {
  if (!clash || !clashes.length) return [];
  const { field, status } = clash;
  const ours = cells[field.place] as Register;
  const theirs = cells[status.place] as Register;
  return clashes.map((dots) => ({
    field: field.name,
    reason: "reassigned_under_way",
    values: [valueBy(ours, dots[0]), valueBy(theirs, dots[1])],
    dots,
    shown: registerValue(field, ours, { clash, ...plan }),
  }));
}

const valueBy = (writes: Register, [replica, seq]: Dot): Json =>
  writes.find((write) => write.replica === replica && write.seq === seq)?.value as Json;
