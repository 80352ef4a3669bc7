/** One authored event as it travels: the canonical bytes, what they say, and why some are not acceptable. */

import type { Json } from "./canonical.ts";
import type { FactDeclaration } from "./declaration.ts";
import type { VectorClock } from "./vector_clock.ts";

/** Events that stand or fall together: the i-th of n, all of one batch, one after the other. */
export interface Tx {
  readonly id: string;
  readonly i: number;
  readonly n: number;
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
  readonly data: Readonly<Record<string, Json>>;
  readonly tx: Tx | undefined;
  readonly raw: Uint8Array;
  readonly fact: FactDeclaration;
}
