/**
 * What an old event said, in today's words: pure, and total on every JSON object.
 *
 * Nothing is judged here. What the steps cannot place stays where it is, and the check of today's version, which comes
 * after them, refuses it by name.
 */

import { isObject, type Json, type JsonObject } from "./canonical.ts";
import type { Step } from "./declaration.ts";

/** The data of an older version as the version after `steps` would say it; `data` itself is not touched. */
export const upcast = (data: JsonObject, steps: readonly Step[]): JsonObject => steps.reduce(stepped, data);

function stepped(data: JsonObject, step: Step): JsonObject {
  const way = step[1].split(".");
  const last = way.pop() as string;
  return changed(data, way, (held) => memberChanged(held, last, step)) as JsonObject;
}

/** The value with every object at the end of the way changed. */
function changed(value: Json, way: readonly string[], change: (held: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((each) => changed(each, way, change));
  if (!isObject(value)) return value;
  const [name, ...rest] = way;
  if (name === undefined) return change(value);
  return Object.hasOwn(value, name) ? { ...value, [name]: changed(value[name] as Json, rest, change) } : value;
}

function memberChanged(held: JsonObject, name: string, step: Step): JsonObject {
  const said = Object.hasOwn(held, name) ? held[name] : undefined;
  switch (step[0]) {
    case "rename":
      // Where both are said there is no telling which was meant: both stay, and the check will refuse the old one.
      return said === undefined || Object.hasOwn(held, step[2]) ? held : { ...without(held, name), [step[2]]: said };
    case "fill":
      return said === undefined ? { ...held, [name]: step[2] as Json } : held;
    case "drop":
      return without(held, name);
    case "translate":
      return typeof said === "string" && Object.hasOwn(step[2], said)
        ? { ...held, [name]: step[2][said] as string }
        : held;
  }
}

const without = (held: JsonObject, name: string): JsonObject =>
  Object.fromEntries(Object.entries(held).filter(([each]) => each !== name));
