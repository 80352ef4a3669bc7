/** Canonical JSON: one document, one spelling, in Python and TypeScript byte for byte. */

/** A document of the profile; floats are not in it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
