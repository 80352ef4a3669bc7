/** Checkpoints: a log's size and root, signed, in the forms of C2SP `tlog-checkpoint` and `signed-note`. */

import { hexOf } from "./merkle.ts";
import { sha256 } from "./sha256.ts";

/** Which log: whose, and since which restore. */
export interface Origin {
  readonly tenant: string;
  readonly epoch: string;
}

/** What a log says of itself. */
export interface Checkpoint extends Origin {
  /** How many events; so the last of them lies at this position. */
  readonly size: number;
  /** The root over them, in hexadecimal. */
  readonly root: string;
}

/** A checkpoint with its signatures, none of them checked yet. */
export interface Note {
  readonly checkpoint: Checkpoint;
  /** The bytes that are signed. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signatures: readonly { readonly key: string; readonly signature: Uint8Array<ArrayBuffer> }[];
}

/** Whether an Ed25519 signature over some bytes is good. */
export type Verify = (
  publicKey: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  body: Uint8Array<ArrayBuffer>,
) => Promise<boolean>;

/** This is no checkpoint of a log of Cairnfield's; the message says why. */
export class NoteUnreadable extends Error {}

export const NOTE_BYTES_MAX = 16_384;
export const SIGNATURES_MAX = 32;

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const ORIGIN = new RegExp(`^cairnfield/t/(${UUID})/e/(${UUID})$`);
const BODY = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n$/;
const ED25519 = 1;
const KEY_ID_HEX = 8;
const WRITER = new TextEncoder();

/** A note as it was kept or sent; throws NoteUnreadable. */
export function readNote(text: string): Note {
  if (WRITER.encode(text).length > NOTE_BYTES_MAX) throw new NoteUnreadable(`it has more than ${NOTE_BYTES_MAX} bytes`);
  const end = text.indexOf("\n\n");
  const [body, name, size, root] = (end < 0 ? undefined : BODY.exec(text.slice(0, end + 1))) ?? [];
  const rootHex = root === undefined ? "" : hexOf(decoded(root));
  if (body === undefined || name === undefined || rootHex === "") {
    throw new NoteUnreadable("it does not begin with an origin, a size and a root, one on each line");
  }
  const checkpoint = { ...originOf(name), size: Number(size), root: rootHex };
  return { checkpoint, body: WRITER.encode(body), signatures: [...signaturesOf(text.slice(end + 2), name)] };
}

/** The public key that a log names by its verifier key; throws NoteUnreadable. */
export function readKey(text: string): Uint8Array<ArrayBuffer> {
  const [name = "", claimed = "", ...rest] = text.trim().split("+");
  const raw = decoded(rest.join("+")); // which base64 may hold a plus too
  if (!ORIGIN.test(name) || raw[0] !== ED25519 || raw.length !== 33) {
    throw new NoteUnreadable("this is no Ed25519 key of a log of Cairnfield's");
  }
  const key = raw.slice(1);
  if (keyId(name, key) !== claimed) throw new NoteUnreadable("the key's id is not that of its name and bytes");
  return key;
}

/** Whether one of these public keys has signed a note. */
export async function isSigned(
  note: Note,
  keys: readonly Uint8Array<ArrayBuffer>[],
  verify: Verify = verifyEd25519,
): Promise<boolean> {
  const name = `cairnfield/t/${note.checkpoint.tenant}/e/${note.checkpoint.epoch}`;
  for (const key of keys) {
    const id = keyId(name, key);
    for (const each of note.signatures) {
      if (each.key === id && (await verify(key, each.signature, note.body))) return true;
    }
  }
  return false;
}

/** By WebCrypto, which every browser that is supported brings along, and Node. */
export const verifyEd25519: Verify = async (publicKey, signature, body) => {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, body);
  } catch {
    return false; // bytes that are no key have signed nothing
  }
};

/** Bytes from base64 in its one spelling; none where it is none. */
export function decoded(text: string): Uint8Array<ArrayBuffer> {
  try {
    const raw = atob(text);
    return btoa(raw) === text ? Uint8Array.from(raw, (each) => each.charCodeAt(0)) : new Uint8Array();
  } catch {
    return new Uint8Array();
  }
}

function originOf(name: string): Origin {
  const [, tenant, epoch] = ORIGIN.exec(name) ?? [];
  if (tenant === undefined || epoch === undefined) {
    throw new NoteUnreadable(`${JSON.stringify(name)} is the log of no tenant of Cairnfield's`);
  }
  return { tenant, epoch };
}

function keyId(name: string, key: Uint8Array): string {
  return sha256(Uint8Array.from([...WRITER.encode(`${name}\n`), ED25519, ...key])).slice(0, KEY_ID_HEX);
}

function* signaturesOf(text: string, name: string): Generator<Note["signatures"][number]> {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.length === 0 || lines.length > SIGNATURES_MAX) {
    throw new NoteUnreadable(`it has no signatures, more than ${SIGNATURES_MAX}, or ends within one`);
  }
  for (const line of lines) {
    const [dash, by, ...rest] = line.split(" ");
    const raw = decoded(rest.join(" "));
    if (dash !== "—" || !by || raw.length <= 4) throw new NoteUnreadable("a line of its signatures is none");
    // Others may have signed in other ways.
    if (by === name && raw.length === 68) yield { key: hexOf(raw.slice(0, 4)), signature: raw.slice(4) };
  }
}

/** What base64 spells as hexadecimal: how proofs travel, and how they are counted with. */
export function hexOfBase64(text: string): string {
  return hexOf(decoded(text));
}
