/**
 * What an event's data must look like: a shape per fact, put together from the declarations of its fields.
 *
 * The shapes are closed and hold no float and no free key, so data that fits them also keeps the canonical profile.
 */

import { isObject, type Json, type JsonObject } from "./canonical.ts";
import type { FactDeclaration, ListShape, MapShape, ObjectShape, Shape, TextShape } from "./declaration.ts";
import { ENTITIES } from "./generated/catalogue.ts";
import { SET_ELEMENTS_PER_EVENT_MAX } from "./generated/limits.ts";
import { byCodePoint, lengthOf } from "./order.ts";

const shapes = new Map<FactDeclaration, ObjectShape>();

/** The shape of the data of one fact, made when it is first asked for. */
export function shapeOf(fact: FactDeclaration): ObjectShape {
  const shape = shapes.get(fact) ?? { kind: "object", members: Object.fromEntries(membersOf(fact)) };
  shapes.set(fact, shape);
  return shape;
}

function* membersOf(fact: FactDeclaration): Iterable<[string, [Shape, boolean]]> {
  for (const { name, policy, shape } of ENTITIES.get(fact.entity)?.fields.values() ?? []) {
    if (fact.fields.has(name)) yield [name, [policy === "AddWins" ? setEdit(shape) : shape, fact.required.has(name)]];
  }
}

function setEdit(element: Shape): Shape {
  const elements: Shape = { kind: "list", of: element, max: SET_ELEMENTS_PER_EVENT_MAX };
  return { kind: "object", members: { add: [elements, false], remove: [elements, false] } };
}

/** Where a value does not fit its shape, as a JSON pointer, `""` for the value itself; undefined where all of it fits. */
export function misfit(shape: Shape, value: Json): string | undefined {
  switch (shape.kind) {
    case "text":
      return typeof value === "string" && fitsText(shape, value) ? undefined : "";
    case "integer":
      return Number.isSafeInteger(value) && isWithin(value as number, shape) ? undefined : "";
    case "boolean":
      return typeof value === "boolean" ? undefined : "";
    case "null":
      return value === null ? undefined : "";
    case "one_of":
      return shape.values.includes(value as string) ? undefined : "";
    case "union":
      return shape.of.some((each) => misfit(each, value) === undefined) ? undefined : "";
    case "list":
      return Array.isArray(value) ? misfitOfList(shape, value) : "";
    case "object":
      return isObject(value) ? misfitOfObject(shape, value) : "";
    case "map":
      return isObject(value) ? misfitOfMap(shape, value) : "";
    case "any":
      return undefined;
  }
}

/** Where a member does not fit: it is unknown, or missing and required, or wrong; undefined where it fits. */
export function misfitOfMember(shape: ObjectShape, value: JsonObject, name: string): string | undefined {
  const member = Object.hasOwn(shape.members, name) && shape.members[name];
  if (!member) return `/${name}`;
  if (!Object.hasOwn(value, name)) return member[1] ? `/${name}` : undefined;
  return within(name, misfit(member[0], value[name] as Json));
}

const within = (name: string | number, wrong: string | undefined): string | undefined =>
  wrong === undefined ? undefined : `/${name}${wrong}`;

function misfitOfObject(shape: ObjectShape, value: JsonObject): string | undefined {
  for (const name in shape.members) {
    const wrong = misfitOfMember(shape, value, name);
    if (wrong !== undefined) return wrong;
  }
  for (const name in value) if (!Object.hasOwn(shape.members, name)) return `/${name}`;
  return undefined;
}

function misfitOfMap(shape: MapShape, value: JsonObject): string | undefined {
  const entries = Object.entries(value);
  if (!isWithin(entries.length, shape)) return "";
  for (const [name, each] of entries) {
    const wrong = misfit(shape.keys, name) ?? misfit(shape.of, each);
    if (wrong !== undefined) return `/${name}${wrong}`;
  }
  return undefined;
}

function misfitOfList(shape: ListShape, value: Json[]): string | undefined {
  if (!isWithin(value.length, shape)) return "";
  for (const [i, each] of value.entries()) {
    const wrong = misfit(shape.of, each);
    if (wrong !== undefined) return `/${i}${wrong}`;
  }
  return shape.ascending && !keysAscend(value as Json[][]) ? "" : undefined;
}

const isWithin = (count: number, { min, max }: { readonly min?: number; readonly max?: number }): boolean =>
  (min === undefined || count >= min) && (max === undefined || count <= max);

const fitsText = (shape: TextShape, text: string): boolean =>
  ((shape.min === undefined && shape.max === undefined) || isWithin(lengthOf(text), shape)) &&
  (shape.pattern === undefined || shape.pattern.test(text)) &&
  (shape.calendar === undefined || existsInTheCalendar(text));

/** Whether there is such a day: a pattern has let only digits through, and a moment's hours and minutes. */
function existsInTheCalendar(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split("-").map(Number) as [number, number, number];
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const last = month === 2 ? 28 + Number(isLeap) : 30 + ((month + (month >> 3)) & 1);
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= last;
}

const KEY: TextShape = { kind: "text", min: 1, max: 64 };

/** Whether each pair begins with a key, greater than the one before it. */
const keysAscend = (pairs: Json[][]): boolean =>
  pairs.every(
    ([key = null], i) =>
      misfit(KEY, key) === undefined && (i === 0 || byCodePoint(pairs[i - 1]?.[0] as string, key as string) < 0),
  );
