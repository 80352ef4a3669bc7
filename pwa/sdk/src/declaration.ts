/**
 * What a declaration of the domain consists of: entities, their fields, the facts about them, the lives of a status.
 *
 * The declarations themselves are written in Python; `generated/catalogue.ts` is made from them.
 */

/** What becomes of concurrent writes to a field; `EachKey` is `Latest` for a map whose keys merge each on its own. */
export type Policy = "Latest" | "EachKey" | "Ask" | "AddWins" | "Sum" | "Advance" | "Once" | "Log" | "Ref" | "Server";

/** What a value may be. Whatever no shape allows is refused; lengths of text count code points. */
export type Shape =
  | TextShape
  | IntegerShape
  | { readonly kind: "boolean" }
  | { readonly kind: "null" }
  | { readonly kind: "one_of"; readonly values: readonly string[] }
  | ListShape
  | { readonly kind: "union"; readonly of: readonly Shape[] }
  | ObjectShape
  | MapShape
  | { readonly kind: "any" };

export interface TextShape {
  readonly kind: "text";
  readonly min?: number;
  readonly max?: number;
  /** Anchored at both ends where the whole text must match; never with the flags `g` or `y`, so that it has no memory. */
  readonly pattern?: RegExp;
  /** The text names a day or a moment, which must exist: no 31st of February. */
  readonly calendar?: true;
}

export interface IntegerShape {
  readonly kind: "integer";
  readonly min?: number;
  readonly max?: number;
}

export interface ListShape {
  readonly kind: "list";
  readonly of: Shape;
  readonly min?: number;
  readonly max?: number;
  /** Its entries are pairs whose first is a key of 1 to 64 characters, each greater than the one before by code point. */
  readonly ascending?: true;
}

/** Closed: a member that is not named here is refused. */
export interface ObjectShape {
  readonly kind: "object";
  readonly members: Readonly<Record<string, readonly [shape: Shape, required: boolean]>>;
}

/** An object with free keys. */
export interface MapShape {
  readonly kind: "map";
  readonly keys: Shape;
  readonly of: Shape;
  readonly max?: number;
}

export interface FieldDeclaration {
  readonly name: string;
  readonly policy: Policy;
  /** What its value may be; for `AddWins` what one element may be. */
  readonly shape: Shape;
  /** Must be said at creation. */
  readonly required: boolean;
}

/** One type of event on one type of entity. */
export interface FactDeclaration {
  readonly name: string;
  readonly entity: string;
  /** The fields that its data may hold. */
  readonly fields: ReadonlySet<string>;
  readonly required: ReadonlySet<string>;
  /** The move of the entity's status that it makes. */
  readonly move: string | undefined;
  /** Fields that it writes without being told a value. */
  readonly sets: readonly (readonly [field: string, value: boolean])[];
  /** It is the first event of its entity; every other fact needs the entity to exist. */
  readonly creates: boolean;
  /** The schema version that is written today. */
  readonly version: number;
  /** How data of version 1, 2, … becomes data of the next version; empty while there is one version. */
  readonly upcasts: readonly (readonly Step[])[];
}

/**
 * One step from an older version of an event's data to the next. `path` is names from the data inwards with dots
 * between; a list on the way means each of its entries.
 */
export type Step =
  | readonly [step: "rename", path: string, name: string]
  | readonly [step: "fill", path: string, value: null | boolean | number | string]
  | readonly [step: "drop", path: string]
  | readonly [step: "translate", path: string, words: Readonly<Record<string, string>>];

/** One way to change a status. */
export interface Move {
  readonly leadsTo: string;
  /** The statuses it may follow when its author knew the status; empty: only at creation. */
  readonly legalFrom: ReadonlySet<string>;
  /** Among concurrent moves the highest rank is shown. */
  readonly rank: number;
  /** Any event on the entity that is concurrent with this move is brought before a person. */
  readonly contestedByAny: boolean;
}

export interface LifecycleDeclaration {
  readonly statuses: readonly string[];
  readonly moves: ReadonlyMap<string, Move>;
  /** For each move, the moves that a person must look at beside it when neither author knew of the other. */
  readonly asks: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Two different fields of one entity whose concurrent writes a person must look at. */
export interface Clash {
  readonly field: string;
  readonly status: string;
  readonly moves: ReadonlySet<string>;
}

export interface EntityDeclaration {
  readonly name: string;
  /** `own`, `catalog`, `given` (the author names it in the field `home`) or `<scope kind>:<field that refers>`. */
  readonly home: string;
  readonly fields: ReadonlyMap<string, FieldDeclaration>;
  readonly facts: ReadonlyMap<string, FactDeclaration>;
  readonly status: { readonly field: string; readonly lifecycle: LifecycleDeclaration } | undefined;
  readonly clash: Clash | undefined;
}
