/** Every entity, field, fact and lifecycle, and the envelope that events travel in. */

// Written by `cairn generate` from the declarations in Python: edit those, then run it.

import type { ObjectShape, Shape } from "../declaration.ts";
import { declared, type WrittenEntity, type WrittenFact, type WrittenField, type WrittenLifecycle } from "../declared.ts";

const eventId: Shape = { kind: "text", pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u };
const seq: Shape = { kind: "integer", min: 1, max: 9007199254740991 };
const sha256: Shape = { kind: "text", pattern: /^[0-9a-f]{64}$/u };
const nothing: Shape = { kind: "null" };
const sha256OrNull: Shape = { kind: "union", of: [sha256, nothing] };
const entityId: Shape = { kind: "text", pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/u };
const word: Shape = { kind: "text", min: 1, max: 64 };
const entityName: Shape = { kind: "object", members: { id: [entityId, true], type: [word, true] } };
const count: Shape = { kind: "integer", min: 0, max: 9007199254740991 };
const anyText: Shape = { kind: "text" };
const anything: Shape = { kind: "any" };
const tx: Shape = { kind: "object", members: { id: [eventId, true], i: [{ kind: "integer", min: 1, max: 500 }, true], n: [{ kind: "integer", min: 1, max: 500 }, true] } };
const metresOrMinutes: Shape = { kind: "integer", min: 0, max: 100000 };
const position: Shape = { kind: "object", members: { lat: [{ kind: "integer", min: -900000000, max: 900000000 }, true], lon: [{ kind: "integer", min: -1800000000, max: 1800000000 }, true], accuracy_m: [metresOrMinutes, false], source: [{ kind: "one_of", values: ["gps", "map", "geocoder", "import"] }, false] } };
const anyBoolean: Shape = { kind: "boolean" };
const pair: Shape = { kind: "list", of: { kind: "union", of: [{ kind: "text", max: 1000 }, nothing] }, min: 2, max: 2 };
const pairs: Shape = { kind: "list", of: pair, max: 100, ascending: true };
const line: Shape = { kind: "text", min: 1, max: 200 };
const wordOrNull: Shape = { kind: "union", of: [word, nothing] };
const address: Shape = { kind: "object", members: { street: [{ kind: "text", max: 200 }, false], city: [{ kind: "text", max: 100 }, false], postcode: [{ kind: "text", max: 20 }, false], region: [{ kind: "text", max: 100 }, false], country: [{ kind: "text", pattern: /^[A-Z]{2}$/u }, false] } };
const addressOrNull: Shape = { kind: "union", of: [address, nothing] };
const language: Shape = { kind: "text", pattern: /^[a-z]{2,3}(-[A-Z]{2})?$/u };
const languageOrNull: Shape = { kind: "union", of: [language, nothing] };
const channel: Shape = { kind: "one_of", values: ["email", "sms", "phone", "push"] };
const text: Shape = { kind: "text", max: 8000 };
const textOrNull: Shape = { kind: "union", of: [text, nothing] };
const phone: Shape = { kind: "text", pattern: /^\+[1-9][0-9]{4,14}$/u };
const phoneOrNull: Shape = { kind: "union", of: [phone, nothing] };
const email: Shape = { kind: "text", max: 254, pattern: /^[^@\s\x00\x1c-\x1f\u0085\ufeff]+@[^@\s\x00\x1c-\x1f\u0085\ufeff]+\.[^@\s\x00\x1c-\x1f\u0085\ufeff]+$/u };
const emailOrNull: Shape = { kind: "union", of: [email, nothing] };
const lineOrNull: Shape = { kind: "union", of: [line, nothing] };
const positionOrNull: Shape = { kind: "union", of: [position, nothing] };
const hazard: Shape = { kind: "one_of", values: ["asbestos", "confined_space", "dog", "electricity", "gas", "height", "hostile_person", "hot_work", "traffic", "water"] };
const metresOrMinutesOrNull: Shape = { kind: "union", of: [metresOrMinutes, nothing] };
const timeZone: Shape = { kind: "text", pattern: /^[A-Za-z]+([_\/+-][A-Za-z0-9]+)*$/u, max: 64 };
const timeZoneOrNull: Shape = { kind: "union", of: [timeZone, nothing] };
const entityIdOrNull: Shape = { kind: "union", of: [entityId, nothing] };
const date: Shape = { kind: "text", pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/u, calendar: true };
const dateOrNull: Shape = { kind: "union", of: [date, nothing] };
const decimal: Shape = { kind: "text", pattern: /^(0|-?[1-9][0-9]{0,8}|-?(0|[1-9][0-9]{0,8})\.[0-9]{0,5}[1-9])$/u };
const instant: Shape = { kind: "text", pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$/u, calendar: true };
const kind: Shape = { kind: "one_of", values: ["repair", "inspection", "maintenance", "installation", "complaint", "other"] };
const priority: Shape = { kind: "one_of", values: ["none", "low", "normal", "high", "critical"] };
const window: Shape = { kind: "object", members: { start: [instant, true], end: [instant, true] } };
const windowOrNull: Shape = { kind: "union", of: [window, nothing] };
const instantOrNull: Shape = { kind: "union", of: [instant, nothing] };
const anyBooleanOrNull: Shape = { kind: "union", of: [anyBoolean, nothing] };
const outcome: Shape = { kind: "one_of", values: ["resolved", "follow_up", "cannot_complete", "no_access"] };
const outcomeOrNull: Shape = { kind: "union", of: [outcome, nothing] };
const fractionalIndex: Shape = { kind: "text", pattern: /^[0-9A-Za-z]{1,64}$/u };
const fractionalIndexOrNull: Shape = { kind: "union", of: [fractionalIndex, nothing] };
const checklistItem: Shape = { kind: "object", members: { id: [{ kind: "text", pattern: /^[a-z][a-z0-9_]{0,63}$/u }, true], kind: [{ kind: "one_of", values: ["yes_no", "number", "choice", "text", "photo", "reading"] }, true], text: [line, true], required: [anyBoolean, true], unit: [{ kind: "text", max: 20 }, false], at_least: [decimal, false], at_most: [decimal, false], choices: [{ kind: "list", of: word, max: 50 }, false] } };
const homeScope: Shape = { kind: "text", pattern: /^(catalog|(work_order|site|customer):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/u };
const target: Shape = { kind: "object", members: { type: [{ kind: "text", pattern: /^[a-z][a-z_]{0,63}$/u }, true], id: [entityId, true] } };
const bytes: Shape = { kind: "integer", min: 0, max: 1099511627776 };
const pixels: Shape = { kind: "integer", min: 1, max: 100000 };
const pixelsOrNull: Shape = { kind: "union", of: [pixels, nothing] };
const stroke: Shape = { kind: "list", of: metresOrMinutes, max: 2000 };
const decimalOrNull: Shape = { kind: "union", of: [decimal, nothing] };
const role: Shape = { kind: "one_of", values: ["technician", "dispatcher", "supervisor", "analyst", "auditor", "admin", "integration"] };
const anyInteger: Shape = { kind: "integer" };
const anyIntegerOrNull: Shape = { kind: "union", of: [anyInteger, nothing] };
const countOrNull: Shape = { kind: "union", of: [count, nothing] };

const record: Readonly<Record<string, WrittenField>> = {
  archived: ["Ask", anyBoolean],
  tags: ["AddWins", word, "ce"],
  custom: ["EachKey", pairs, "ce"],
};
const always: Readonly<Record<string, WrittenFact>> = {
  Edited: { told: "e" },
  Archived: { sets: [["archived", true]] },
  Restored: { sets: [["archived", false]] },
};
const lifecycles: Readonly<Record<string, WrittenLifecycle>> = {
  work_order: {
    statuses: ["draft", "open", "scheduled", "in_progress", "on_hold", "completed", "approved", "closed", "cancelled"],
    moves: {
      draft: ["draft", 0],
      open: ["open", 1, ["draft"]],
      schedule: ["scheduled", 2, ["open"]],
      unschedule: ["open", 3, ["scheduled"]],
      hold: ["on_hold", 4, ["open", "scheduled", "in_progress"]],
      cancel: ["cancelled", 5, ["draft", "open", "scheduled", "in_progress", "on_hold"]],
      start: ["in_progress", 6, ["open", "scheduled"]],
      resume: ["in_progress", 7, ["on_hold"]],
      complete: ["completed", 8, ["draft", "open", "scheduled", "in_progress", "on_hold"]],
      approve: ["approved", 9, ["completed"]],
      close: ["closed", 10, ["approved"], true],
      reopen: ["open", 11, ["completed", "approved"]],
    },
    asks: {
      hold: ["cancel", "start", "resume", "close", "reopen"],
      cancel: ["start", "resume", "complete", "approve", "close", "reopen"],
      start: ["close", "reopen"],
      resume: ["close", "reopen"],
      complete: ["close", "reopen"],
      approve: ["reopen"],
      close: ["reopen"],
    },
  },
  visit: {
    statuses: ["planned", "dispatched", "accepted", "travelling", "on_site", "paused", "done", "declined", "cancelled"],
    moves: {
      plan: ["planned", 0],
      dispatch: ["dispatched", 1, ["planned", "declined"]],
      accept: ["accepted", 2, ["planned", "dispatched"]],
      decline: ["declined", 3, ["planned", "dispatched"]],
      travel: ["travelling", 4, ["planned", "dispatched", "accepted"]],
      cancel: ["cancelled", 5, ["planned", "dispatched", "accepted", "travelling", "declined"]],
      arrive: ["on_site", 6, ["planned", "dispatched", "accepted", "travelling"]],
      pause: ["paused", 7, ["on_site"]],
      continue: ["on_site", 8, ["paused"]],
      finish: ["done", 9, ["planned", "dispatched", "accepted", "travelling", "on_site", "paused"]],
    },
    asks: {
      accept: ["decline"],
      decline: ["travel", "arrive", "pause", "continue", "finish"],
      cancel: ["arrive", "pause", "continue", "finish"],
    },
  },
  device: {
    statuses: ["active", "revoked"],
    moves: {
      enrol: ["active", 0],
      revoke: ["revoked", 1, ["active"]],
    },
    asks: {},
  },
};
const entities: Readonly<Record<string, WrittenEntity>> = {
  customer: {
    home: "own",
    fields: {
      ...record,
      name: ["Ask", line, "cre"],
      legal_id: ["Ask", wordOrNull, "ce"],
      contacts: ["AddWins", entityId, "ce"],
      billing_address: ["Ask", addressOrNull, "ce"],
      language: ["Latest", languageOrNull, "ce"],
      comms_opt_out: ["AddWins", channel, "ce"],
      note: ["Latest", textOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
    },
  },
  contact: {
    home: "customer:customer_id",
    fields: {
      ...record,
      customer_id: ["Ref", entityId, "cr"],
      name: ["Ask", line, "cre"],
      phone: ["Ask", phoneOrNull, "ce"],
      email: ["Ask", emailOrNull, "ce"],
      role: ["Latest", lineOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
    },
  },
  site: {
    home: "own",
    fields: {
      ...record,
      customer_id: ["Ref", entityId, "cr"],
      name: ["Ask", line, "cre"],
      address: ["Ask", addressOrNull, "ce"],
      position: ["Ask", positionOrNull, "ce"],
      access_code: ["Ask", wordOrNull, "ce"],
      hazards: ["AddWins", hazard, "ce"],
      directions: ["Latest", textOrNull, "ce"],
      opening_hours: ["Latest", lineOrNull, "ce"],
      geofence_m: ["Latest", metresOrMinutesOrNull, "ce"],
      timezone: ["Latest", timeZoneOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
    },
  },
  asset: {
    home: "site:site_id",
    fields: {
      ...record,
      site_id: ["Ask", entityId, "cre"],
      parent_id: ["Ask", entityIdOrNull, "ce"],
      serial: ["Ask", lineOrNull, "ce"],
      model: ["Ask", lineOrNull, "ce"],
      qr_code: ["Once", wordOrNull, "ce"],
      installed_on: ["Ask", dateOrNull, "ce"],
      warranty_until: ["Ask", dateOrNull, "ce"],
      condition: ["Ask", { kind: "union", of: [{ kind: "one_of", values: ["good", "watch", "fault", "out"] }, nothing] }, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      AssetConditionReported: { must: ["condition"] },
      AssetMoved: { must: ["site_id"] },
    },
  },
  meter_reading: {
    home: "site:site_id",
    fields: {
      ...record,
      asset_id: ["Ref", entityId, "cr"],
      site_id: ["Ref", entityId, "cr"],
      meter: ["Log", word, "cr"],
      value: ["Log", decimal, "cr"],
      unit: ["Log", wordOrNull, "c"],
      read_at: ["Log", instant, "cr"],
      corrects_id: ["Ref", entityIdOrNull, "c"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      MeterRead: { told: "c" },
    },
  },
  work_order: {
    home: "own",
    fields: {
      ...record,
      number: ["Server", lineOrNull],
      customer_id: ["Ref", entityId, "cr"],
      site_id: ["Ref", entityId, "cr"],
      assets: ["AddWins", entityId, "ce"],
      kind: ["Ask", kind, "cre"],
      priority: ["Latest", priority, "ce"],
      title: ["Ask", line, "cre"],
      description: ["Ask", textOrNull, "ce"],
      requested_window: ["Ask", windowOrNull, "ce"],
      due_at: ["Ask", instantOrNull, "ce"],
      sla_id: ["Latest", wordOrNull, "ce"],
      required_skills: ["AddWins", word, "ce"],
      checklist_templates: ["AddWins", entityId, "ce"],
      requires_signature: ["Latest", anyBoolean, "ce"],
      billable: ["Latest", anyBooleanOrNull, "ce"],
      opened_at: ["Once", instantOrNull, "ce"],
      status: ["Advance", anyText],
      outcome: ["Ask", outcomeOrNull, "ce"],
      resolution: ["Ask", textOrNull, "ce"],
      completed_at: ["Once", instantOrNull, "ce"],
      closed_at: ["Once", instantOrNull, "ce"],
      hold_reason: ["Latest", textOrNull, "ce"],
      cancel_reason: ["Once", textOrNull, "ce"],
      reopen_reason: ["Latest", textOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c", move: "draft" },
      WorkOrderOpened: { may: ["opened_at"], move: "open" },
      WorkOrderScheduled: { move: "schedule" },
      WorkOrderUnscheduled: { move: "unschedule" },
      WorkOrderStarted: { move: "start" },
      WorkOrderPutOnHold: { may: ["hold_reason"], move: "hold" },
      WorkOrderResumed: { move: "resume" },
      WorkOrderCompleted: { may: ["completed_at", "outcome", "resolution"], move: "complete" },
      WorkOrderApproved: { move: "approve" },
      WorkOrderClosed: { may: ["closed_at"], move: "close" },
      WorkOrderReopened: { must: ["reopen_reason"], move: "reopen" },
      WorkOrderCancelled: { must: ["cancel_reason"], move: "cancel" },
    },
    status: ["status", "work_order"],
  },
  visit: {
    home: "work_order:work_order_id",
    fields: {
      ...record,
      work_order_id: ["Ref", entityId, "cr"],
      assignee_id: ["Ask", entityIdOrNull, "ce"],
      crew: ["AddWins", entityId, "ce"],
      planned_start: ["Ask", instantOrNull, "ce"],
      planned_end: ["Ask", instantOrNull, "ce"],
      sequence: ["Latest", fractionalIndexOrNull, "ce"],
      status: ["Advance", anyText],
      travel_started_at: ["Once", instantOrNull, "ce"],
      arrived_at: ["Once", instantOrNull, "ce"],
      finished_at: ["Once", instantOrNull, "ce"],
      outcome: ["Ask", outcomeOrNull, "ce"],
      resolution: ["Ask", textOrNull, "ce"],
      decline_reason: ["Latest", textOrNull, "ce"],
      cancel_reason: ["Once", textOrNull, "ce"],
      eta: ["Server", instantOrNull],
    },
    facts: {
      ...always,
      Created: { told: "c", move: "plan" },
      VisitPlanned: { told: "c", move: "plan" },
      VisitDispatched: { move: "dispatch" },
      VisitReassigned: { must: ["assignee_id"] },
      VisitRescheduled: { may: ["planned_end", "planned_start", "sequence"] },
      VisitAccepted: { move: "accept" },
      VisitDeclined: { may: ["decline_reason"], move: "decline" },
      VisitTravelStarted: { may: ["travel_started_at"], move: "travel" },
      VisitArrived: { may: ["arrived_at"], move: "arrive" },
      VisitPaused: { move: "pause" },
      VisitContinued: { move: "continue" },
      VisitFinished: { may: ["finished_at", "resolution"], must: ["outcome"], move: "finish" },
      VisitCancelled: { may: ["cancel_reason"], move: "cancel" },
    },
    status: ["status", "visit"],
    clash: ["assignee_id", "status", ["arrive", "continue", "finish", "pause", "travel"]],
  },
  checklist_template: {
    home: "catalog",
    fields: {
      ...record,
      key: ["Ref", word, "cr"],
      template_version: ["Ref", { kind: "integer", min: 1, max: 1000000 }, "cr"],
      title: ["Ref", line, "cr"],
      items: ["Ref", { kind: "list", of: checklistItem, min: 1, max: 200 }, "cr"],
    },
    facts: {
      ...always,
      Created: { told: "c", upcasts: [[["translate", "items.kind", { bool: "yes_no" }], ["rename", "items.smallest", "at_least"], ["rename", "items.largest", "at_most"]]] },
    },
  },
  checklist_answer: {
    home: "work_order:work_order_id",
    fields: {
      ...record,
      work_order_id: ["Ref", entityId, "cr"],
      visit_id: ["Ref", entityId, "cr"],
      template_id: ["Ref", entityId, "cr"],
      item_id: ["Ref", { kind: "text", pattern: /^[a-z][a-z0-9_]{0,63}$/u }, "cr"],
      value: ["Ask", { kind: "union", of: [anyBoolean, decimal, { kind: "text", max: 4000 }, { kind: "list", of: word, max: 50 }, nothing] }, "ce"],
      skipped_reason: ["Latest", textOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      ChecklistItemAnswered: { told: "c" },
    },
  },
  note: {
    home: "given",
    fields: {
      ...record,
      home: ["Ref", homeScope, "cr"],
      target: ["Ref", target, "cr"],
      body: ["Log", { kind: "text", max: 8000, min: 1 }, "cr"],
      written_at: ["Log", instantOrNull, "c"],
      author_id: ["Log", entityIdOrNull, "c"],
      visibility: ["Once", { kind: "one_of", values: ["internal", "customer"] }, "ce"],
      corrects_id: ["Ref", entityIdOrNull, "c"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      NoteWritten: { told: "c" },
    },
  },
  attachment: {
    home: "given",
    fields: {
      ...record,
      home: ["Ref", homeScope, "cr"],
      target: ["Ref", target, "cr"],
      sha256: ["Once", sha256, "cre"],
      mime: ["Once", { kind: "text", pattern: /^[a-z]+\/[a-z0-9.+-]{1,100}$/u }, "cre"],
      size: ["Once", bytes, "cre"],
      name: ["Once", lineOrNull, "ce"],
      width: ["Once", pixelsOrNull, "ce"],
      height: ["Once", pixelsOrNull, "ce"],
      taken_at: ["Once", instantOrNull, "ce"],
      geo: ["Once", positionOrNull, "ce"],
      caption: ["Latest", lineOrNull, "ce"],
      annotations: ["AddWins", word, "ce"],
      redacted_of: ["Ref", entityIdOrNull, "c"],
      upload: ["Server", { kind: "union", of: [{ kind: "one_of", values: ["awaited", "stored"] }, nothing] }],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      PhotoAttached: { told: "c" },
    },
  },
  signature: {
    home: "work_order:work_order_id",
    fields: {
      ...record,
      work_order_id: ["Ref", entityId, "cr"],
      visit_id: ["Ref", entityId, "cr"],
      signer_name: ["Once", lineOrNull, "ce"],
      signer_role: ["Once", lineOrNull, "ce"],
      strokes: ["Once", { kind: "union", of: [{ kind: "list", of: stroke, max: 200 }, nothing] }, "ce"],
      png_sha256: ["Once", sha256OrNull, "ce"],
      document_hash: ["Once", sha256, "cre"],
      signed_at: ["Once", instantOrNull, "ce"],
      refused_reason: ["Once", textOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      SignatureTaken: { told: "c" },
    },
  },
  time_entry: {
    home: "work_order:work_order_id",
    fields: {
      ...record,
      work_order_id: ["Ref", entityId, "cr"],
      visit_id: ["Ref", entityId, "cr"],
      person_id: ["Ref", entityId, "cr"],
      kind: ["Ref", { kind: "one_of", values: ["travel", "work", "break"] }, "cr"],
      started_at: ["Once", instant, "cre"],
      stopped_at: ["Once", instantOrNull, "ce"],
      corrects_id: ["Ref", entityIdOrNull, "c"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      TimerStarted: { told: "c" },
      TimerStopped: { must: ["stopped_at"] },
    },
  },
  part: {
    home: "catalog",
    fields: {
      ...record,
      sku: ["Ask", word, "cre"],
      name: ["Ask", line, "cre"],
      unit: ["Latest", wordOrNull, "ce"],
      unit_cost: ["Ask", decimalOrNull, "ce"],
      currency: ["Latest", wordOrNull, "ce"],
      barcode: ["AddWins", word, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
    },
  },
  stock_location: {
    home: "catalog",
    fields: {
      ...record,
      name: ["Ask", line, "cre"],
      kind: ["Ref", { kind: "one_of", values: ["warehouse", "van"] }, "cr"],
      owner_id: ["Ask", entityIdOrNull, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
    },
  },
  part_use: {
    home: "work_order:work_order_id",
    fields: {
      ...record,
      work_order_id: ["Ref", entityId, "cr"],
      visit_id: ["Ref", entityIdOrNull, "c"],
      part_id: ["Ref", entityId, "cr"],
      stock_location_id: ["Ref", entityIdOrNull, "c"],
      quantity: ["Sum", decimal, "cre"],
      used_at: ["Log", instantOrNull, "c"],
      serial: ["Log", lineOrNull, "c"],
      reversal_of: ["Ref", entityIdOrNull, "c"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
      PartUsed: { told: "c" },
    },
  },
  person: {
    home: "catalog",
    fields: {
      ...record,
      name: ["Ask", line, "cre"],
      email: ["Ask", emailOrNull, "ce"],
      role: ["Ask", role, "cre"],
      skills: ["AddWins", word, "ce"],
      active: ["Latest", anyBoolean, "ce"],
    },
    facts: {
      ...always,
      Created: { told: "c" },
    },
  },
  device: {
    home: "own",
    fields: {
      ...record,
      owner_id: ["Ref", entityId, "cr"],
      name: ["Latest", line, "cre"],
      public_key: ["Once", textOrNull, "ce"],
      status: ["Advance", anyText],
      platform: ["Server", lineOrNull],
      app_version: ["Server", wordOrNull],
      last_seen: ["Server", instantOrNull],
      skew_ms: ["Server", anyIntegerOrNull],
      outbox_depth: ["Server", countOrNull],
    },
    facts: {
      ...always,
      Created: { told: "c", move: "enrol" },
      DeviceEnrolled: { told: "c", move: "enrol" },
      DeviceRevoked: { move: "revoke" },
    },
    status: ["status", "device"],
  },
};

/** What an event is around its data. */
export const ENVELOPE: ObjectShape = {
  kind: "object",
  members: {
    id: [eventId, true],
    replica: [{ kind: "text", pattern: /^r[a-z2-7]{12}$/u }, true],
    seq: [seq, true],
    prev: [sha256OrNull, true],
    entity: [entityName, true],
    type: [{ kind: "text", pattern: /^[A-Z][A-Za-z0-9]{0,63}$/u }, true],
    v: [{ kind: "integer", min: 1, max: 1000 }, true],
    clock: [{ kind: "map", keys: { kind: "text", pattern: /^r[a-z2-7]{12}$/u }, of: seq, max: 64 }, true],
    at: [{ kind: "text", pattern: /^[0-9a-f]{16}$/u }, true],
    seen: [count, true],
    data: [{ kind: "map", keys: anyText, of: anything }, true],
    tx: [tx, false],
    reason: [{ kind: "text", max: 8000, min: 1 }, false],
    geo: [position, false],
  },
};

/** Every declared entity by its name. */
export const ENTITIES = declared(entities, lifecycles);
