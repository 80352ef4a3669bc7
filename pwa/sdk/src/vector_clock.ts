/**
 * Who had seen what: for each replica, the highest sequence number of its events that an author had merged.
 *
 * A clock is per entity and names only replicas that wrote that entity, so it stays small. Because every event carries
 * its dot (replica, seq), happened-before is one look-up, however many entries a clock has.
 */

/** Replica → sequence number. */
export type VectorClock = Readonly<Record<string, number>>;

/** Whether an author with this clock had seen the event with that dot. */
export const covers = (clock: VectorClock, replica: string, seq: number): boolean => (clock[replica] ?? 0) >= seq;

/** What a clock names that is not known yet, as dots, sorted. */
export const missing = (clock: VectorClock, known: VectorClock): [string, number][] =>
  Object.entries(clock)
    .filter(([replica, seq]) => !covers(known, replica, seq))
    .sort(([one], [other]) => (one < other ? -1 : 1));

/** The clock of somebody who has seen all that both have seen. */
export function joined(one: VectorClock, other: VectorClock): Record<string, number> {
  const both = { ...one };
  for (const [replica, seq] of Object.entries(other)) both[replica] = Math.max(both[replica] ?? 0, seq);
  return both;
}
