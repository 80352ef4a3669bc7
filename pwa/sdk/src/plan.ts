/** How each event type touches the fields of its entity, worked out once from the declarations. */

import type { Json } from "./canonical.ts";
import type { EntityDeclaration, FactDeclaration, LifecycleDeclaration, Policy } from "./declaration.ts";
import { ENTITIES } from "./generated/catalogue.ts";

/** How a field is kept: what merging needs to know of a policy on the hot path. */
export type Kind = "register" | "set" | "sum" | "map";

export interface FieldPlan {
  readonly name: string;
  /** Its place among the cells of a state. */
  readonly place: number;
  readonly kind: Kind;
  readonly policy: Policy;
}

/** Two fields whose concurrent writes a person must look at together. */
export interface ClashPlan {
  readonly field: FieldPlan;
  readonly status: FieldPlan;
  readonly moves: ReadonlySet<Json>;
}

/** What merging needs to know of one type of entity. */
export interface EntityPlan {
  readonly fields: ReadonlyMap<string, FieldPlan>;
  /** The same in the order of their places. */
  readonly places: readonly FieldPlan[];
  readonly status: FieldPlan | undefined;
  readonly lifecycle: LifecycleDeclaration | undefined;
  /** The fields of which some values are contested by any concurrent event, and these values. */
  readonly contestable: readonly (readonly [FieldPlan, ReadonlySet<Json>])[];
  readonly clash: ClashPlan | undefined;
  /** By event type, what an event writes besides its data: its move, and what its type alone says. */
  readonly implied: ReadonlyMap<string, readonly (readonly [FieldPlan, Json])[]>;
}

const KINDS: Partial<Record<Policy, Kind>> = { AddWins: "set", Sum: "sum", EachKey: "map" };
const PLANS = new Map<string, EntityPlan>();

/** The plan of a declared entity; throws RangeError for any other. */
export function planOf(entity: string): EntityPlan {
  const known = PLANS.get(entity);
  if (known) return known;
  const declared = ENTITIES.get(entity);
  if (!declared) throw new RangeError(`${entity} is not an entity we know`);
  const plan = planFor(declared);
  PLANS.set(entity, plan);
  return plan;
}

/** The plan that follows from a declaration. */
export function planFor(declared: EntityDeclaration): EntityPlan {
  const places = Array.from(declared.fields.values(), ({ name, policy }, place) => ({
    name,
    place,
    kind: KINDS[policy] ?? "register",
    policy,
  }));
  const fields = new Map(places.map((field) => [field.name, field]));
  const named = (name: string) => fields.get(name) as FieldPlan;
  const { status, clash } = declared;
  return {
    fields,
    places,
    status: status && named(status.field),
    lifecycle: status?.lifecycle,
    contestable: [...contestable(declared)].map(([name, values]) => [named(name), values] as const),
    clash: clash && { field: named(clash.field), status: named(clash.status), moves: clash.moves },
    implied: new Map(
      Array.from(declared.facts, ([type, fact]) => [
        type,
        implied(fact, status?.field).map(([name, value]) => [named(name), value] as const),
      ]),
    ),
  };
}

function* contestable({ fields, status }: EntityDeclaration): Iterable<[string, ReadonlySet<Json>]> {
  if (fields.has("archived")) yield ["archived", new Set([true])];
  const moves = [...(status?.lifecycle.moves ?? [])].filter(([, move]) => move.contestedByAny);
  if (status && moves.length) yield [status.field, new Set(moves.map(([name]) => name))];
}

const implied = (fact: FactDeclaration, status: string | undefined): readonly (readonly [string, Json])[] =>
  status !== undefined && fact.move !== undefined ? [...fact.sets, [status, fact.move]] : fact.sets;
