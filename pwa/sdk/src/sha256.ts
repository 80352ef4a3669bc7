/**
 * SHA-256 (FIPS 180-4), synchronous and small.
 *
 * WebCrypto only answers later, and an IndexedDB transaction does not wait: it ends while the promise is pending.
 */

/**
 * The first 32 bits of the fractions of the roots of the first primes: 64 cube roots, then 8 square roots. The nearest
 * of them to a whole 32-bit number is 2^-7 away, thousands of times farther than any engine's `**` errs.
 */
const CUBE_ROOTS = fractions(64, 1 / 3);
const SQUARE_ROOTS = fractions(8, 1 / 2);

function fractions(count: number, power: number): Uint32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  return Uint32Array.from(primes, (prime) => (prime ** power % 1) * 2 ** 32);
}

/** The digest of some bytes, less than half a gibibyte, in lower-case hexadecimal. */
export function sha256(raw: Uint8Array): string {
  const padded = new Uint8Array(((raw.length + 72) >> 6) << 6);
  padded.set(raw);
  padded[raw.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, raw.length << 3);
  const hash = Uint32Array.from(SQUARE_ROOTS);
  for (let at = 0; at < padded.length; at += 64) digest(hash, view, at);
  return Array.from(hash, (word) => word.toString(16).padStart(8, "0")).join("");
}

const WORDS = new Int32Array(64);

const turned = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** One block of 64 bytes; the names of the working variables are those of the standard. */
function digest(hash: Uint32Array, view: DataView, at: number): void {
  let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const word = i < 16 ? view.getInt32(at + 4 * i) : expanded(i);
    WORDS[i] = word;
    const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (CUBE_ROOTS[i] as number) + word) | 0;
    const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    hash[i] = (hash[i] as number) + word;
  });
}

function expanded(i: number): number {
  const [early, late] = [WORDS[i - 15] as number, WORDS[i - 2] as number];
  const s0 = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
  const s1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
  return ((WORDS[i - 16] as number) + s0 + (WORDS[i - 7] as number) + s1) | 0;
}
