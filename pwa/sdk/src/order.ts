/** The one order of texts: by code point, as Python has it. `<` compares UTF-16 units and puts U+E000 after an emoji. */

/** Negative, zero or positive, as `sort` asks for it; neither text holds half a surrogate pair. */
export function byCodePoint(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length);
  for (let i = 0; i < shorter; i++) {
    const apart = rank(one.charCodeAt(i)) - rank(other.charCodeAt(i));
    if (apart !== 0) return apart;
  }
  return one.length - other.length;
}

/** How many characters a person would have to type: surrogate pairs count once. */
export const lengthOf = (text: string): number => text.length - (text.match(/[\ud800-\udbff]/g)?.length ?? 0);

/** Surrogates stand for what comes after every other unit. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
