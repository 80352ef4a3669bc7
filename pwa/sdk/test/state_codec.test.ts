/** The stored form of a state: how it is spelled, that it is read as it was written, and how many are hashed as one. */

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { apply, conflicts, decode, empty, encode, stateHash, values } from "../src/index.ts";
import { fold, MINUTE, NOON, two } from "./device.ts";

const stored = (state: Parameters<typeof encode>[0]) => JSON.parse(new TextDecoder().decode(encode(state)));

test("a state says what is left of each event, by replica, told as differences", () => {
  const [ada, ben, created] = two("site", { tags: { add: ["wet", "far"] } });
  const events = [
    created,
    ben.tell("Edited", { directions: "left", custom: [["bay", "1"]] }),
    ada.tell("Edited", { directions: "right" }),
    ada.tell("Edited", { name: "M" }),
  ];
  expect(stored(fold(...events))).toEqual({
    replicas: [
      [
        ...["radaaaaaaaaaa", 3],
        [1, NOON + 1, { customer_id: created.data.customer_id, tags: ["far", "wet"] }],
        [1, 1, { directions: "right" }],
        [1, 1, { name: "M" }],
      ],
      ["rbenaaaaaaaaa", 1, [1, MINUTE - 2, { custom: [["bay", "1"]], directions: "left" }]],
    ],
    type: "site",
    version: 4,
  });
});

test("counters, contests, clashes and sums are said where there are any", () => {
  const [ada, ben, created] = two("part_use");
  const told = [ada.tell("Archived"), ben.tell("Edited", { quantity: "-0.5" })];
  const document = stored(fold(created, ...told));
  expect(document.sums).toEqual({ quantity: "1.5" });
  expect(document.replicas[0][3]).toEqual([1, 1, { archived: true }, 0, { archived: [[1, 1]] }]);
  const counted = apply(empty("part_use"), created, "00000000000a0010");
  expect(stored(counted).replicas[0][2].slice(1)).toEqual([10, expect.anything(), 16]);
});

test("a state that was stored in between goes on as if it had not been", () => {
  const [ada, ben, created] = two("visit", { tags: { add: ["wet"] }, custom: [["bay", "1"]] });
  const [moved, archived] = [ben.tell("VisitTravelStarted"), ada.tell("Archived")];
  const edited = ben.tell("Edited", { tags: { remove: ["wet"] }, custom: [["bay", null]] });
  const reassigned = ada.tell("VisitReassigned", { assignee_id: "01900000-0000-7000-8000-00000000a001" });
  ada.see(moved, edited);
  let [kept, read] = [empty("visit"), empty("visit")];
  for (const event of [created, moved, archived, edited, reassigned, ada.tell("Restored")]) {
    kept = apply(kept, event, event.at);
    read = apply(decode(encode(read)), event, event.at);
    expect(encode(read)).toEqual(encode(kept));
    expect(decode(encode(kept))).toEqual(read);
    expect(values(read)).toEqual(values(kept));
    expect(conflicts(read)).toEqual(conflicts(kept));
  }
  expect(conflicts(kept)).not.toEqual([]);
});

test("many states have one hash, in whatever order they come", () => {
  const hex = (text: string) => createHash("sha256").update(text).digest("hex");
  const states: [string, Uint8Array][] = ["b", "a"].map((id) => [id, new TextEncoder().encode(`{${id}}`)]);
  expect(stateHash(states)).toBe(hex(`a ${hex("{a}")}\nb ${hex("{b}")}\n`));
  expect(stateHash(states.toReversed())).toBe(stateHash(states));
  expect(stateHash(states.slice(1))).not.toBe(stateHash(states));
});
