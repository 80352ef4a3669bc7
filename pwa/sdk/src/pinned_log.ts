/**
 * What a device keeps of its server's log, so that nobody can show it another history unseen.
 *
 * At first contact it pins the keys and takes the checkpoint that it is shown; from then on every checkpoint must be
 * signed by one of those keys and continue what was seen. Before each pull, `await checked(...)`, and keep what it
 * gives where the cursor is kept. A new epoch says that the server came back from a backup and may lack what came after
 * it, but a backup holds what was marked durable: so there the log must begin with that.
 */

import {
  type Checkpoint,
  hexOfBase64,
  isSigned,
  NoteUnreadable,
  type Origin,
  readKey,
  readNote,
  type Verify,
  verifyEd25519,
} from "./checkpoint.ts";
import { bytesOf, hexOf, isConsistent } from "./merkle.ts";

export { type Checkpoint, NoteUnreadable, type Origin, type Verify } from "./checkpoint.ts";

/** What is kept, as JSON can hold it. */
export interface Pinned {
  /** The public keys of first contact, in hexadecimal. */
  readonly publics: readonly string[];
  readonly newest: Checkpoint;
  /** The newest that lies within what a verified backup holds. */
  readonly settled: Checkpoint | null;
}

/** What `GET /v1/proof/consistency?since=` answers. */
export interface Shown {
  readonly checkpoint: string;
  readonly keys: readonly string[];
  readonly durable: number;
  readonly consistency: readonly string[] | null;
}

/** Asks the server since a size; a problem of its own is given by its `code`, and what goes wrong on the way there is thrown. */
export type Ask = (since: number) => Promise<Shown | { readonly code: string }>;

/** A log tells another history than it told before; the message says what differs, for a person. */
export class HistoryRewritten extends Error {}

/** The server has a reason of its own not to answer now, such as that too much was asked. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`The server refused: ${code}`);
    this.code = code;
  }
}

/** What servers say that sign nothing, or nothing for whoever asks. */
const WITHOUT_PROOFS = ["no_proofs", "not_found", "forbidden"];
const NONE_YET = "no_checkpoint";

/**
 * What is kept once the server has shown how its log goes on; null: there was nothing to see yet.
 *
 * `origin` is the log that the server's hello named. Throws HistoryRewritten, Refused, and whatever `ask` throws.
 */
export async function checked(
  pinned: Pinned | null,
  ask: Ask,
  origin: Origin,
  verify: Verify = verifyEd25519,
): Promise<Pinned | null> {
  // It may have begun a new epoch since it said which.
  for (const before of [asksFor(pinned, origin), pinned?.settled ?? null]) {
    const answer = await ask(before?.size ?? 0);
    if ("code" in answer) return without(pinned, answer.code, origin);
    const { note, publics } = read(answer);
    const keys = pinned?.publics ?? publics;
    if (!(await isSigned(note, keys.map(keyOf), verify))) {
      throw new HistoryRewritten(
        "The server's checkpoint is signed by none of the keys that this device has kept since its first contact: it " +
          "is another server, or its key was revoked. Ask the office, then let the device trust anew.",
      );
    }
    const told = note.checkpoint;
    if (told.tenant !== origin.tenant) {
      throw new HistoryRewritten(`The server shows the log of tenant ${told.tenant}, not ours.`);
    }
    const asked = asksFor(pinned, told) ?? before;
    if (asked === before || asked?.size === before?.size) {
      return { publics: keys, ...followed(pinned, told, answer.durable, before?.size ?? 0, answer.consistency) };
    }
  }
  throw new HistoryRewritten("The server names one epoch after the other: nobody can say what its log continues.");
}

/** With which checkpoint what comes next of that log must be shown to be consistent; null: with none. */
function asksFor(pinned: Pinned | null, origin: Origin): Checkpoint | null {
  if (pinned === null || isOf(pinned.newest, origin)) return pinned?.newest ?? null;
  return pinned.settled;
}

function isOf(checkpoint: Checkpoint, origin: Origin): boolean {
  return checkpoint.tenant === origin.tenant && checkpoint.epoch === origin.epoch;
}

/** What is kept from now on, where `told` continues what was seen; throws HistoryRewritten. */
function followed(
  pinned: Pinned | null,
  told: Checkpoint,
  durable: number,
  since: number,
  proof: readonly string[] | null,
): Pick<Pinned, "newest" | "settled"> {
  if (pinned !== null && pinned.newest.tenant !== told.tenant) {
    throw new HistoryRewritten(`This is the log of tenant ${told.tenant}, and not that of ${pinned.newest.tenant}.`);
  }
  const before = asksFor(pinned, told);
  if (before !== null) check(before, told, before.size === since ? proof : null);
  // What was seen before a restore, and after the backup that was restored, is no part of this log.
  let lasting: Checkpoint | null = null;
  for (const each of [pinned?.settled ?? null, before, told]) {
    if (each !== null && each.size <= durable && each.size > (lasting?.size ?? -1)) lasting = each;
  }
  return { newest: told, settled: lasting ?? pinned?.settled ?? null };
}

function check(before: Checkpoint, told: Checkpoint, proof: readonly string[] | null): void {
  const isRestored = !isOf(before, told);
  const lost = isRestored ? "what it had marked as durable" : "what it had signed";
  if (told.size < before.size) {
    const remedy = isRestored ? "" : " If a backup was restored, `cairn epoch new` says so.";
    throw new HistoryRewritten(
      `The log was rolled back: it held ${before.size} events and now tells of ${told.size}, less than ${lost}.${remedy}`,
    );
  }
  if (proof === null) {
    throw new HistoryRewritten(`Nobody shows that the log still begins with the ${before.size} events of before.`);
  }
  if (!isConsistent(before.size, before.root, told.size, told.root, proof.map(hexOfBase64))) {
    throw new HistoryRewritten(
      `The log was rewritten: among its first ${before.size} events, ${lost}, at least one is not what it was.`,
    );
  }
}

function without(pinned: Pinned | null, code: string, origin: Origin): Pinned | null {
  if (code === NONE_YET && (pinned === null || !isOf(pinned.newest, origin))) return pinned;
  if (WITHOUT_PROOFS.includes(code) && pinned === null) return pinned;
  if (code !== NONE_YET && !WITHOUT_PROOFS.includes(code)) throw new Refused(code);
  throw new HistoryRewritten(
    `The server has signed for ${pinned?.newest.size ?? 0} events before, and now shows no checkpoint (${code}).`,
  );
}

function read(answer: Shown): { note: ReturnType<typeof readNote>; publics: string[] } {
  try {
    return { note: readNote(answer.checkpoint), publics: answer.keys.map((each) => hexOf(readKey(each))) };
  } catch (why) {
    if (why instanceof NoteUnreadable) {
      throw new HistoryRewritten(`What the server shows is no checkpoint: ${why.message}.`);
    }
    throw why;
  }
}

function keyOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytesOf(hex));
}
