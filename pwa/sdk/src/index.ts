/** Cairnfield on a device: events, clocks and merging, the same as on the server, and nothing that needs a network. */

export { type Author, authorOf, type Told as NewEvent, write } from "./author.ts";
export { dumps, type Json, type JsonObject, loads, Unacceptable } from "./canonical.ts";
export type * from "./declaration.ts";
export {
  type Event,
  hashOf,
  type Link,
  linkOf,
  type Position,
  parse,
  type Spelling,
  spell,
  type Tx,
  Unreadable,
} from "./envelope.ts";
export { ENTITIES } from "./generated/catalogue.ts";
export * from "./generated/limits.ts";
export type * from "./generated/types.ts";
export * from "./hybrid_clock.ts";
export {
  apply,
  type Cell,
  type Dot,
  empty,
  knows,
  type Register,
  type Registers,
  type State,
  type Write,
} from "./merge.ts";
export { type Conflict, conflicts, values } from "./shown.ts";
export { decode, encode, stateHash } from "./state_codec.ts";
export { covers, joined, missing, type VectorClock } from "./vector_clock.ts";
