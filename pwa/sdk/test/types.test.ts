import { expect, test } from "vitest";

import type { Entities, Told } from "../src/generated/types.ts";

// What is said here is said to the compiler: an expected error that does not come fails `npm run types`.

function whoIsSent(told: Told): string | null | undefined {
  if (told.entityType === "visit" && told.type === "VisitReassigned") return told.data.assignee_id;
  // @ts-expect-error: a creation's data has fields of its own, which another event need not have
  return told.data.assignee_id;
}

test("what is told narrows by its entity and its type", () => {
  const told: Told = { entityType: "visit", type: "VisitReassigned", data: { assignee_id: null } };
  expect(whoIsSent(told)).toBeNull();
});

test("what nobody declared does not compile", () => {
  // @ts-expect-error: a finished visit must say its outcome
  const silent: Told = { entityType: "visit", type: "VisitFinished", data: {} };
  // @ts-expect-error: a job is not finished, it is completed
  const misplaced: Told = { entityType: "work_order", type: "VisitFinished", data: { outcome: "resolved" } };
  // @ts-expect-error: no such status
  const status: Entities["visit"]["status"] = "teleported";
  expect([silent, misplaced, status]).toHaveLength(3);
});
