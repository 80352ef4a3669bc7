/**
 * The TypeScript half of `cairn bench merge`: the same edits into our merge, into Yjs and into Automerge.
 *
 * Called with a folder that holds edits.json ([author, field, value, hears], ...) and events.ndjson, and a number of
 * rounds; prints {figure: per second}. Each system is fed its own form of the edits: one update per edit, one by one;
 * Automerge all at once, which is ten times as quick there, and fewer of them, because writing them takes so long.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as Automerge from "@automerge/automerge";
import * as Y from "yjs";
import { apply, type Event, empty, parse, type State, values } from "../sdk/src/index.ts";

const AUTOMERGE_SHARE = 10;

type Edit = [author: 0 | 1, field: string, value: string, hears: boolean];

const [folder, rounds] = [process.argv[2] as string, Number(process.argv[3])];
const edits: Edit[] = JSON.parse(readFileSync(join(folder, "edits.json"), "utf8"));
const lines = split(readFileSync(join(folder, "events.ndjson")));

function split(body: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let from = 0; from < body.length; ) {
    const to = body.indexOf(10, from);
    const end = to < 0 ? body.length : to;
    found.push(body.subarray(from, end));
    from = end + 1;
  }
  return found;
}

/** Edits per second of processor time in the quickest of several rounds; what the runtime's own threads take counts. */
function perSecond(count: number, work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.();
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return count / best;
}

function expectFields(fields: Iterable<string>): void {
  const missing = new Set(edits.map((edit) => edit[1]));
  for (const field of fields) missing.delete(field);
  if (missing.size) throw new Error(`not merged: ${[...missing]}`);
}

function fold(events: Event[]): State {
  let state = empty("work_order");
  for (const event of events) state = apply(state, event, event.at);
  return state;
}

function ours(): Record<string, number> {
  const events = lines.map(parse);
  expectFields(Object.keys(values(fold(events))));
  return {
    merge_ts_events_per_s: perSecond(events.length, () => values(fold(events))),
    merge_ts_from_bytes_events_per_s: perSecond(events.length, () => values(fold(lines.map(parse)))),
  };
}

function yjs(): Record<string, number> {
  const updates: Uint8Array[] = [];
  const docs = [new Y.Doc(), new Y.Doc()] as const;
  const unheard: [Uint8Array[], Uint8Array[]] = [[], []];
  for (const author of [0, 1] as const) {
    docs[author].on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "heard") return;
      updates.push(update);
      unheard[(1 - author) as 0 | 1].push(update);
    });
  }
  for (const [author, field, value, hears] of edits) {
    if (hears) for (const update of unheard[author].splice(0)) Y.applyUpdate(docs[author], update, "heard");
    docs[author].getMap("job").set(field, value);
  }
  const merged = () => {
    const doc = new Y.Doc();
    const job = doc.getMap("job");
    for (const update of updates) Y.applyUpdate(doc, update);
    return job.toJSON();
  };
  expectFields(Object.keys(merged()));
  return { yjs_ops_per_s: perSecond(updates.length, merged) };
}

function automerge(): Record<string, number> {
  type Job = Record<string, string>;
  const changes: Automerge.Change[] = [];
  const docs: [Automerge.Doc<Job>, Automerge.Doc<Job>] = [Automerge.init<Job>(), Automerge.init<Job>()];
  const unheard: [Automerge.Change[], Automerge.Change[]] = [[], []];
  for (const [author, field, value, hears] of edits.slice(0, edits.length / AUTOMERGE_SHARE)) {
    if (hears) [docs[author]] = Automerge.applyChanges(docs[author], unheard[author].splice(0));
    docs[author] = Automerge.change(docs[author], (job) => {
      job[field] = value;
    });
    const change = Automerge.getLastLocalChange(docs[author]) as Automerge.Change;
    changes.push(change);
    unheard[(1 - author) as 0 | 1].push(change);
  }
  const merged = () => Automerge.toJS(Automerge.applyChanges(Automerge.init<Job>(), changes)[0]);
  expectFields(Object.keys(merged()));
  return { automerge_ops_per_s: perSecond(changes.length, merged) };
}

console.log(JSON.stringify({ ...ours(), ...yjs(), ...automerge() }));
