/**
 * What TypeScript makes of bytes: on stdin a line of base64 per document, on stdout a line of canonical JSON per answer.
 *
 * An answer is what was read of the event, or the code of its refusal; and its link, or that there is none to be read.
 * Python is asked the same in `tests/sync/test_same_refusals.py`.
 */

import { createInterface } from "node:readline";
import { dumps, type Json } from "../src/canonical.ts";
import { linkOf, parse, Unacceptable, Unreadable } from "../src/envelope.ts";

function said(raw: Uint8Array): Json {
  try {
    const { raw: _, fact, tx = null, ...event } = parse(raw);
    return { ...event, tx, version: fact.version } as unknown as Json;
  } catch (error) {
    if (error instanceof Unacceptable) return error.code;
    throw error;
  }
}

function link(raw: Uint8Array): Json {
  try {
    return { ...linkOf(raw) };
  } catch (error) {
    if (error instanceof Unreadable) return "unreadable";
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const raw = Buffer.from(line, "base64");
  process.stdout.write(Buffer.concat([dumps([said(raw), link(raw)]), Buffer.from("\n")]));
}
