/** The merge by examples: what concurrent writes become, and what must never happen to a state. */

import { expect, test } from "vitest";
import { apply, conflicts, empty, encode, type Json, type JsonObject, knows, values } from "../src/index.ts";
import { decimal, millionths } from "../src/merge.ts";
import { fold, MORNING, SOMEBODY, SOMEBODY_ELSE, two } from "./device.ts";

type Saying = [type: string, data?: JsonObject];

/** What two who did not know of each other make of an entity, the same in both orders: a field, and who is asked. */
function meet(entityType: string, before: Saying[], one: Saying, other: Saying, field: string) {
  const [ada, ben, created] = two(entityType);
  const history = [created, ...before.map((each) => ada.tell(...each))];
  ben.see(...history);
  const [ours, theirs] = [ada.tell(...one), ben.tell(...other)];
  const [state, reversed] = [fold(...history, ours, theirs), fold(...history, theirs, ours)];
  expect(encode(reversed)).toEqual(encode(state));
  expect(values(reversed)).toEqual(values(state));
  expect(conflicts(reversed)).toEqual(conflicts(state));
  return [values(state)[field], conflicts(state).map(({ field, reason }) => `${field}: ${reason}`)];
}

const edit = (field: string, value: Json): Saying => ["Edited", { [field]: value }];

test.each<[entity: string, field: string, one: Json, other: Json, shown: Json, asks: boolean]>([
  ["site", "name", "North", "South", "South", true],
  ["site", "name", "North", "North", "North", false],
  ["site", "directions", "left", "right", "right", false],
  [
    "customer",
    "billing_address",
    { city: "A", street: "b" },
    { city: "A", street: "b" },
    { city: "A", street: "b" },
    false,
  ],
  ["customer", "billing_address", { city: "A", street: "b" }, { city: "A" }, { city: "A" }, true],
  ["customer", "billing_address", { city: "A" }, null, null, true],
  ["time_entry", "stopped_at", MORNING, "2026-01-01T09:00:00.000Z", MORNING, true],
  ["part_use", "quantity", "1.5", "-3", "0.5", false],
  ["site", "hazards", { add: ["dog"] }, { add: ["gas"] }, ["dog", "gas"], false],
  ["site", "hazards", { add: ["dog"] }, { remove: ["dog"] }, ["dog"], false],
  ["site", "custom", [["bay", "1"]], [["bay", "2"]], [["bay", "2"]], false],
  ["site", "custom", [["bay", "1"]], [["bay", null]], [], false],
])("of %s.%s, %j and %j become %j", (entity, field, one, other, shown, asks) => {
  const met = meet(entity, [], edit(field, one), edit(field, other), field);
  expect(met).toEqual([shown, asks ? [`${field}: values_differ`] : []]);
});

test.each<[entity: string, before: Saying[], one: Saying, other: Saying, status: string, asked: string[]]>([
  ["visit", [["VisitDispatched"]], ["VisitCancelled"], ["VisitArrived"], "on_site", ["status: moves_clash"]],
  ["visit", [["VisitDispatched"]], ["VisitCancelled"], ["VisitTravelStarted"], "cancelled", []],
  [
    "visit",
    [["VisitDispatched"]],
    ["VisitReassigned", { assignee_id: SOMEBODY }],
    ["VisitArrived"],
    "on_site",
    ["assignee_id: reassigned_under_way"],
  ],
  [
    "work_order",
    [["WorkOrderOpened"], ["WorkOrderCompleted"], ["WorkOrderApproved"]],
    ["WorkOrderClosed"],
    ["Edited", { resolution: "new seal" }],
    "closed",
    ["status: contested"],
  ],
])("of %s after %j, %j and %j lead to %s", (entity, before, one, other, status, asked) => {
  expect(meet(entity, before, one, other, "status")).toEqual([status, asked]);
});

test("archiving that met something else leaves it in sight, and archiving twice does not", () => {
  expect(meet("site", [], ["Archived"], edit("name", "N"), "archived")).toEqual([false, ["archived: contested"]]);
  expect(meet("site", [], ["Archived"], ["Archived"], "archived")).toEqual([true, []]);
});

test("a conflict names what each side wrote, and ends with an event of somebody who had seen them all", () => {
  const [ada, ben, created] = two("visit", { assignee_id: SOMEBODY });
  const sides = [ada.tell("VisitReassigned", { assignee_id: SOMEBODY_ELSE }), ben.tell("VisitArrived")];
  const dots = sides.map(({ replica, seq }) => [replica, seq]);
  expect(conflicts(fold(created, ...sides))).toEqual([
    {
      field: "assignee_id",
      reason: "reassigned_under_way",
      values: [SOMEBODY_ELSE, "arrive"],
      dots,
      shown: SOMEBODY_ELSE,
    },
  ]);
  ben.see(...sides);
  expect(conflicts(fold(created, ...sides, ben.tell("VisitReassigned", { assignee_id: SOMEBODY })))).toEqual([]);
});

test("an event that is already in changes nothing", () => {
  const [ada, , created] = two("site");
  const state = fold(created, ada.tell(...edit("directions", "left")));
  expect(apply(state, created, created.at)).toBe(state);
  expect([knows(state, created.replica, 2), knows(state, created.replica, 3)]).toEqual([true, false]);
});

test("a state that was handed out stays as it is, however its entity goes on", () => {
  const [ada, ben, created] = two("visit", { tags: { add: ["wet"] }, custom: [["bay", "1"]] });
  const concurrent = ben.tell("VisitTravelStarted");
  const later: Saying[] = [
    ["Archived"],
    ["Edited", { tags: { add: ["far"], remove: ["wet"] }, custom: [["bay", "2"]], sequence: "a" }],
    ["VisitReassigned", { assignee_id: SOMEBODY }],
  ];
  let state = deeplyFrozen(fold(created));
  for (const event of [...later.map((each) => ada.tell(...each)), concurrent]) {
    const before = encode(state);
    const after = apply(state, deeplyFrozen(event), event.at);
    expect(encode(state)).toEqual(before);
    state = deeplyFrozen(after);
  }
});

function deeplyFrozen<T>(value: T): T {
  if (typeof value !== "object" || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  for (const each of value instanceof Map ? value.values() : Object.values(value as object)) deeplyFrozen(each);
  if (value instanceof Map) value.set = value.delete = () => expect.fail("a map that was handed out is written to");
  return Object.freeze(value);
}

test("elements and keys that mean something to JavaScript mean nothing to the merge", () => {
  const names = ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"];
  const [ada, , created] = two("site");
  const told = ada.tell("Edited", { tags: { add: names }, custom: names.map((each) => [each, each]) });
  const shown = values(fold(created, told));
  expect(shown.tags).toEqual(names);
  expect(shown.custom).toEqual(names.map((each) => [each, each]));
  const removed = ada.tell("Edited", { tags: { remove: ["__proto__"] }, custom: [["constructor", null]] });
  expect(values(fold(created, told, removed)).tags).toEqual(names.slice(1));
});

test("elements and keys are in the order of their code points, not of their UTF-16 units", () => {
  const [ada, , created] = two("site");
  const ordered = ["Z", "a", "\u{e000}", "\u{fffd}", "\u{1f600}"];
  const custom = ordered.map((each) => [each, "1"]);
  const state = fold(created, ada.tell("Edited", { tags: { add: ordered.toReversed() }, custom }));
  expect(values(state)).toMatchObject({ tags: ordered, custom });
});

test("sums are exact", () => {
  const [ada, , created] = two("part_use", { quantity: "0.1" });
  const told = ["0.2", "-0.3", "999999999.999999", "999999999.999999"].map((each) =>
    ada.tell(...edit("quantity", each)),
  );
  expect(values(fold(created, ...told)).quantity).toBe("1999999999.999998");
});

test.each([
  [0n, "0"],
  [1n, "0.000001"],
  [-1n, "-0.000001"],
  [-500_000n, "-0.5"],
  [10_000_000n, "10"],
  [-100_200_000n, "-100.2"],
  [999_999_999_999_999n, "999999999.999999"],
  [10n ** 24n, "1000000000000000000"],
])("%s millionths are spelled %s", (amount, text) => {
  expect([decimal(amount), millionths(text)]).toEqual([text, amount]);
});

test("an entity that nobody declared has no state", () => {
  expect(() => empty("constructor")).toThrow(RangeError);
});
