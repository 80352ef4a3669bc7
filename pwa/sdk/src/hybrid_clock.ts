/**
 * The hybrid logical clock: wall time that never runs backwards on one replica, sortable as text.
 *
 * A stamp is 16 hexadecimal characters: 12 of milliseconds since 1970, 4 of a counter that orders what falls into the
 * same millisecond. After Kulkarni et al., "Logical Physical Clocks" (2014).
 */

import { CLOCK_DRIFT_MS_MAX } from "./generated/limits.ts";

/** 16 lower-case hexadecimal characters; later stamps are greater texts. */
export type Stamp = string;

export const BEGINNING: Stamp = "0".repeat(16);
const COUNTER_MAX = 0xffff;
const MS_MAX = 0xffff_ffff_ffff;

/** The text form of a moment in milliseconds and a counter; moments outside the form are brought to its ends. */
export const stamp = (ms: number, counter = 0): Stamp =>
  Math.min(Math.max(ms, 0), MS_MAX).toString(16).padStart(12, "0") + counter.toString(16).padStart(4, "0");

/** The greatest stamp that an honest clock can show at this millisecond. */
export const latestAt = (ms: number): Stamp => stamp(ms, COUNTER_MAX);

/** Milliseconds since 1970 of a stamp. */
export const msOf = (at: Stamp): number => Number.parseInt(at.slice(0, 12), 16);

/** How many stamps of its clock in the same millisecond came before a stamp. */
export const counterOf = (at: Stamp): number => Number.parseInt(at.slice(12), 16);

/** The stamp of a new local event, greater than `last` whatever the wall clock does. */
export function tick(last: Stamp, nowMs: number): Stamp {
  const wall = stamp(nowMs);
  // Where the wall clock stood still or went back, only the counter keeps this edit after the one before it.
  return wall > last ? wall : after(last);
}

/** The clock after another replica's stamp was seen; one too far ahead is not followed. */
export const observe = (last: Stamp, seen: Stamp, nowMs: number): Stamp =>
  seen <= last || msOf(seen) > nowMs + CLOCK_DRIFT_MS_MAX ? last : seen;

function after(last: Stamp): Stamp {
  const [ms, counter] = [msOf(last), counterOf(last)];
  if (counter < COUNTER_MAX) return stamp(ms, counter + 1);
  const next = stamp(ms + 1);
  return next > last ? next : last; // at the very end of time it stands still, and still does not go back
}
