/** Devices for tests: replicas that author real events, and remember what they have seen of each entity. */

import { apply, authorOf, type Event, empty, type JsonObject, joined, parse, type State, write } from "../src/index.ts";

export const NOON = 1_767_268_800_000;
export const MINUTE = 60_000;
export const MORNING = "2026-01-01T08:00:00.000Z";
export const SOMEBODY = "01900000-0000-7000-8000-00000000a001";
export const SOMEBODY_ELSE = "01900000-0000-7000-8000-00000000a002";
const ELSEWHERE = "01900000-0000-7000-8000-00000000b000";

/** For some entities, the least that their creation says. */
const CREATED: Readonly<Record<string, JsonObject>> = {
  customer: { name: "Harbour Mill" },
  site: { customer_id: ELSEWHERE, name: "Mill, east gate" },
  work_order: { customer_id: ELSEWHERE, site_id: ELSEWHERE, kind: "repair", title: "Pump leaks" },
  visit: { work_order_id: ELSEWHERE },
  part_use: { work_order_id: ELSEWHERE, part_id: ELSEWHERE, quantity: "2" },
  time_entry: {
    work_order_id: ELSEWHERE,
    visit_id: ELSEWHERE,
    person_id: SOMEBODY,
    kind: "work",
    started_at: MORNING,
  },
};

let ids = 0;

/** A UUID of version 7 that no other call returns. */
export const newId = (): string => `01900000-0000-7000-9000-${(++ids).toString(16).padStart(12, "0")}`;

/** A replica that tells and sees things about one entity. */
export class Device {
  nowMs: number;
  readonly entityType: string;
  readonly entity: string;
  #author;
  #clock: Record<string, number> = {};

  constructor(name: string, entityType: string, entity: string, nowMs = NOON) {
    this.#author = authorOf(`r${name.padEnd(12, "a")}`);
    this.entityType = entityType;
    this.entity = entity;
    this.nowMs = nowMs;
  }

  get replica(): string {
    return this.#author.replica;
  }

  tell(type: string, data: JsonObject = {}): Event {
    const { entityType, entity } = this;
    this.nowMs += 1;
    const told = { id: newId(), entityType, entity, type, data, clock: this.#clock, nowMs: this.nowMs };
    const [author, raw] = write(this.#author, told);
    this.#author = author;
    const event = parse(raw);
    this.see(event);
    return event;
  }

  create(data: JsonObject = {}): Event {
    return this.tell("Created", { ...CREATED[this.entityType], ...data });
  }

  /** Merge what others told. */
  see(...events: Event[]): void {
    for (const { clock, replica, seq } of events) this.#clock = joined(this.#clock, joined(clock, { [replica]: seq }));
  }
}

/** Two devices and the event by which the first of them created an entity that both know. */
export function two(entityType: string, data: JsonObject = {}): [ada: Device, ben: Device, created: Event] {
  const entity = newId();
  const ada = new Device("ada", entityType, entity);
  const ben = new Device("ben", entityType, entity, NOON + MINUTE);
  const created = ada.create(data);
  ben.see(created);
  return [ada, ben, created];
}

/** The state that these events make, in this order, each as of its own stamp. */
export function fold(...events: Event[]): State {
  const [first] = events as [Event];
  return events.reduce((state, event) => apply(state, event, event.at), empty(first.entityType));
}
