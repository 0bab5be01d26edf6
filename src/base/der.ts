/** As much of DER (ITU-T X.690) as it takes to write a certificate. */

const indefinite = 0x80;

/** A value with its tag and length. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([Uint8Array.of(tag), lengthOf(length), ...parts]);
}

function lengthOf(length: number): Uint8Array {
  if (length < indefinite) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let left = length; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  return Uint8Array.of(indefinite | bytes.length, ...bytes);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => der(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => der(0x31, ...parts);
/** @param bytes most significant first; the first one below 0x80, or the number is negative */
export const integer = (...bytes: readonly number[]): Uint8Array => der(0x02, Uint8Array.from(bytes));
export const octets = (bytes: Uint8Array): Uint8Array => der(0x04, bytes);
export const utf8 = (text: string): Uint8Array => der(0x0c, Buffer.from(text));
export const yes = der(0x01, Uint8Array.of(0xff));
/** @param unused how many bits of the last byte do not count */
export const bits = (bytes: Uint8Array, unused = 0): Uint8Array => der(0x03, Uint8Array.of(unused), bytes);
/** @param constructed it holds values, not bytes */
export const context = (number: number, constructed: boolean, ...parts: readonly Uint8Array[]): Uint8Array =>
  der(0x80 | (constructed ? 0x20 : 0) | number, ...parts);

/** @param text as in `1.2.840.10045.4.3.2` */
export function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [40 * first + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | (left & 0x7f));
    bytes.push(...groups);
  }
  return der(0x06, Uint8Array.from(bytes));
}

/** GeneralizedTime, or UTCTime up to 2049 (RFC 5280 §4.1.2.5). @param at Unix milliseconds */
export function time(at: number): Uint8Array {
  const seconds = Math.floor(at / 1000);
  const [year, month, day] = dateOf(Math.floor(seconds / 86_400));
  const clock = [month, day, Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const rest = `${clock.map((part) => String(part).padStart(2, '0')).join('')}Z`;
  return year < 2050
    ? der(0x17, Buffer.from(`${String(year).slice(2)}${rest}`))
    : der(0x18, Buffer.from(`${year}${rest}`));
}

/** The date of a day since 1970. Years are counted from March here: a leap day is then the last of its year. */
function dateOf(day: number): [year: number, month: number, day: number] {
  const since0 = day + 719_468;
  const era = Math.floor(since0 / 146_097);
  const ofEra = since0 - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return [yearOfEra + 400 * era + (month <= 2 ? 1 : 0), month, ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1];
}
