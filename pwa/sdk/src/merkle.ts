/** Whether a Merkle log still begins with what it was: proofs of RFC 6962, checked as RFC 9162 says. Hashes are hex. */

import { sha256 } from "./sha256.ts";

export const EMPTY_ROOT: string = sha256(new Uint8Array());

/** The hash over two subtrees. */
export function nodeHash(left: string, right: string): string {
  return sha256(Uint8Array.from([1, ...bytesOf(left), ...bytesOf(right)]));
}

/** Whether a proof shows that the tree of `grown` leaves begins with that of `old` (RFC 9162, 2.1.4.2). */
export function isConsistent(
  old: number,
  oldRoot: string,
  grown: number,
  newRoot: string,
  proof: readonly string[],
): boolean {
  if (old > grown || old < 0) return false;
  if (old === 0 || old === grown) {
    return proof.length === 0 && (old === 0 ? oldRoot === EMPTY_ROOT : oldRoot === newRoot);
  }
  const [first, ...rest] = isPowerOfTwo(old) && proof.length > 0 ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  // No bit operations: they know 32 bits, and a log is longer.
  let [place, last] = [old - 1, grown - 1];
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let [ours, theirs] = [first, first];
  for (const each of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      [ours, theirs] = [nodeHash(each, ours), nodeHash(each, theirs)];
      while (place % 2 === 0 && place > 0) [place, last] = [half(place), half(last)];
    } else {
      theirs = nodeHash(theirs, each);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && ours === oldRoot && theirs === newRoot;
}

function isPowerOfTwo(size: number): boolean {
  let rest = size;
  while (rest % 2 === 0) rest /= 2;
  return rest === 1;
}

function half(size: number): number {
  return Math.floor(size / 2);
}

/** The bytes that lower-case hexadecimal spells. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

/** The other way round. */
export function hexOf(raw: Uint8Array): string {
  return Array.from(raw, (each) => each.toString(16).padStart(2, "0")).join("");
}
