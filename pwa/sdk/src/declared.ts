/** The declarations as they are written, which is short, turned into what the rest asks, which is ready to look up. */

import type {
  Clash,
  EntityDeclaration,
  FactDeclaration,
  FieldDeclaration,
  LifecycleDeclaration,
  Move,
  Policy,
  Shape,
  Step,
} from "./declaration.ts";

/**
 * One field. `told` is a text of letters, so that the facts that tell nearly every field need not repeat them:
 * `c` a creation may tell it, `r` a creation must, `e` an edit may.
 */
export type WrittenField = readonly [policy: Policy, shape: Shape, told?: string];

export interface WrittenFact {
  /** It tells the fields that have this letter. */
  readonly told?: "c" | "e";
  /** The fields it tells besides, and those that it must tell. */
  readonly may?: readonly string[];
  readonly must?: readonly string[];
  readonly move?: string;
  readonly sets?: readonly (readonly [field: string, value: boolean])[];
  /** The data of each older version in steps to the next; the version written today is one more than there are. */
  readonly upcasts?: readonly (readonly Step[])[];
}

export interface WrittenEntity {
  readonly home: string;
  readonly fields: Readonly<Record<string, WrittenField>>;
  readonly facts: Readonly<Record<string, WrittenFact>>;
  readonly status?: readonly [field: string, lifecycle: string];
  readonly clash?: readonly [field: string, status: string, moves: readonly string[]];
}

export type WrittenMove = readonly [
  leadsTo: string,
  rank: number,
  legalFrom?: readonly string[],
  contestedByAny?: boolean,
];

export interface WrittenLifecycle {
  readonly statuses: readonly string[];
  readonly moves: Readonly<Record<string, WrittenMove>>;
  /** Each pair once, under one of its two moves. */
  readonly asks: Readonly<Record<string, readonly string[]>>;
}

type Written<T> = Readonly<Record<string, T>>;

/** Every entity by its name. */
export function declared(
  entities: Written<WrittenEntity>,
  lifecycles: Written<WrittenLifecycle>,
): ReadonlyMap<string, EntityDeclaration> {
  const lives = mapped(lifecycles, (_, written) => lifecycle(written));
  return mapped(entities, (name, written) => entity(name, written, lives));
}

function entity(
  name: string,
  written: WrittenEntity,
  lives: ReadonlyMap<string, LifecycleDeclaration>,
): EntityDeclaration {
  const life = written.status && lives.get(written.status[1]);
  return {
    name,
    home: written.home,
    fields: mapped(written.fields, field),
    facts: mapped(written.facts, (type, each) => fact(name, type, each, written.fields)),
    status: written.status && life ? { field: written.status[0], lifecycle: life } : undefined,
    clash: written.clash && clash(...written.clash),
  };
}

const field = (name: string, [policy, shape, told = ""]: WrittenField): FieldDeclaration => ({
  name,
  policy,
  shape,
  required: told.includes("r"),
});

function fact(entity: string, name: string, written: WrittenFact, fields: Written<WrittenField>): FactDeclaration {
  const { told, may = [], must = [], sets = [], upcasts = [] } = written;
  const creates = told === "c";
  return {
    name,
    entity,
    fields: new Set([...must, ...may, ...(told ? having(told, fields) : [])]),
    required: new Set([...must, ...(creates ? having("r", fields) : [])]),
    move: written.move,
    sets,
    creates,
    version: upcasts.length + 1,
    upcasts,
  };
}

const having = (letter: string, fields: Written<WrittenField>): string[] =>
  Object.keys(fields).filter((name) => fields[name]?.[2]?.includes(letter));

const clash = (field: string, status: string, moves: readonly string[]): Clash => ({
  field,
  status,
  moves: new Set(moves),
});

function lifecycle({ statuses, moves, asks }: WrittenLifecycle): LifecycleDeclaration {
  const both = new Map(Object.keys(moves).map((name) => [name, new Set<string>()]));
  for (const [one, others] of Object.entries(asks)) {
    for (const other of others) {
      both.get(one)?.add(other);
      both.get(other)?.add(one);
    }
  }
  return { statuses, moves: mapped(moves, move), asks: both };
}

const move = (_: string, [leadsTo, rank, legalFrom = [], contestedByAny = false]: WrittenMove): Move => ({
  leadsTo,
  legalFrom: new Set(legalFrom),
  rank,
  contestedByAny,
});

const mapped = <W, T>(written: Written<W>, make: (name: string, each: W) => T): Map<string, T> =>
  new Map(Object.entries(written).map(([name, each]) => [name, make(name, each)]));
