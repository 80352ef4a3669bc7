/** The golden corpus: what was once written is read for ever, here as in Python. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../src/canonical.ts";
import { parse } from "../src/envelope.ts";
import { apply, empty, type State } from "../src/merge.ts";
import { conflicts, values } from "../src/shown.ts";
import { encode, stateHash } from "../src/state_codec.ts";

const CORPUS = new URL("../../../tests/corpus/", import.meta.url);
const WRITER = new TextEncoder();

interface Folded {
  readonly entities: Readonly<Record<string, { type: string; values: JsonObject; asks: unknown }>>;
  readonly state_hash: string;
}

const versions = readdirSync(CORPUS).filter((name) => /^v\d+$/.test(name));

describe.each(versions)("what was written in %s", (version) => {
  const folder = new URL(`${version}/`, CORPUS);
  const states = folded(linesIn(folder));
  const wanted = JSON.parse(readFileSync(new URL("folded.json", folder), "utf8")) as Folded;

  test.each(Object.entries(wanted.entities))("%s is seen as it is in Python", (entity, told) => {
    const state = states.get(entity) as State;
    const asks = conflicts(state).map((each) => [each.field, each.reason, each.values]);
    expect({ type: state.type, values: values(state), asks }).toStrictEqual(told);
  });

  test("all of it has the same hash", () => {
    expect(states.size).toBe(Object.keys(wanted.entities).length);
    expect(stateHash([...states].map(([entity, state]) => [entity, encode(state)]))).toBe(wanted.state_hash);
  });
});

test("there is more than one version, so that the way from the first is walked", () => {
  expect(versions.length).toBeGreaterThan(1);
});

function linesIn(folder: URL): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".ndjson"));
  return files.sort().flatMap((name) => readFileSync(new URL(name, folder), "utf8").trimEnd().split("\n"));
}

/** The state of every entity, with each event as of its own stamp. */
function folded(lines: readonly string[]): Map<string, State> {
  const states = new Map<string, State>();
  for (const line of lines) {
    const event = parse(WRITER.encode(line));
    states.set(event.entity, apply(states.get(event.entity) ?? empty(event.entityType), event, event.at));
  }
  return states;
}
