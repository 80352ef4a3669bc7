/** Every bound of the protocol that a client keeps, each with its unit. */

// Written by `cairn generate` from the declarations in Python: edit those, then run it.

export const EVENTS_PER_PUSH_MAX = 500;
export const PUSH_BYTES_MAX = 1_048_576;
export const EVENT_BYTES_MAX = 65_536;
export const DECOMPRESSION_RATIO_MAX = 50;
export const DEPTH_MAX = 16;
export const CLOCK_ENTRIES_MAX = 64;
export const PAGE_EVENTS_MAX = 1_000;
export const PAGE_BYTES_MAX = 1_048_576;
export const LIVE_CONNECTIONS_PER_DEVICE_MAX = 1;
export const KEPT_DAYS_MAX = 14;
export const SET_ELEMENTS_PER_EVENT_MAX = 200;
export const CLOCK_DRIFT_MS_MAX = 300_000;
