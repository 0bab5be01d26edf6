/** What is done to a message: as chance has it, and as people do who know SIP. Text has one character per byte. */
import type { Random } from '../../src/base/random.ts';
import { between, chance, pick } from '../../src/testing/index.ts';

/** @param other another message of the corpus */
type Mutator = (text: string, random: Random, other: string) => string;

/** A little more than any part of the stack takes. */
export const longestMutant = 70_000;
/** Chance of one more change. */
const another = 0.6;

const pieces = [
  ...['"', '\\', '<', '>', ';', ',', ':', '=', '@', '?', '&', '*', '%', '%00', '%4', '[', ']', '[::', ':::', '(', ')'],
  ...[' ', '\t', '\r\n', '\r\n ', '\r', '\n', '\0', '\\\0', '\x0b', '\x0c', '\x7f', '\x85', '\xa0', '\xff'],
  ...['\xc3\xa9', '\xc3', '\xef\xbb\xbf', '\xe2\x80\xa8', '\xed\xa0\x80', '\xf4\x90\x80\x80', '\xc0\xaf'],
  ...[';lr', ';tag=', ';tag=x', ';branch=z9hG4bK', ';received=', ';rport', ';rport=1', ';maddr=10.0.0.3', ';expires=0'],
  ...[
    ';transport=tcp',
    ';transport=ws',
    ';ttl=256',
    ';q=1.001',
    '?a=b',
    'sip:',
    'sips:',
    'tel:',
    '__proto__',
    'constructor',
  ],
  ...[
    'SIP/2.0',
    'SIP/3.0',
    'INVITE',
    'ACK',
    'BYE',
    'CANCEL',
    '\r\nl: 1',
    '\r\nv: SIP/2.0/UDP h',
    '\r\nRequire: x',
    '\r\n\r\n',
  ],
  ...[
    '\r\nRoute: <sip:10.0.0.3;lr>',
    '\r\nRecord-Route: <sip:10.0.0.3>',
    '\r\nm: *',
    '\r\nExpires: 99999999999',
    '\r\nt: a',
  ],
  ...['a=rtpmap:0 ', 'm=audio 1 RTP/AVP 0\r\n', 'c=IN IP4 0.0.0.0\r\n', 'a=fmtp:'],
];
const numbers = [
  ...[
    '0',
    '00',
    '1',
    '-1',
    '+1',
    '255',
    '256',
    '65535',
    '65536',
    '2147483647',
    '2147483648',
    '4294967296',
    '0x10',
    '1e9',
  ],
  ...['9007199254740993', '99999999999999999999', '9'.repeat(300), '1.5', ''],
];
const lengths = [...numbers, '5, 5', ' ', '7 7', '9999', '65535', '65537'];
const methods = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'UPDATE',
  'REFER',
  'invite',
  'X',
  'A/B',
];
const compact = {
  Via: 'v',
  From: 'f',
  To: 't',
  'Call-ID': 'i',
  Contact: 'm',
  'Content-Length': 'l',
  'Content-Type': 'c',
};

const cut = (text: string, at: number, length: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + length);
const place = (text: string, random: Random): number => between(random, 0, text.length);
const byte = (random: Random): string => String.fromCharCode(between(random, 0, 255));

/** Replaces one match of a pattern, whichever; the text as it is where there is none. */
function replaceOne(text: string, pattern: RegExp, random: Random, put: (match: string) => string): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const match = pick(random, found);
  return cut(text, match.index, match[0].length, put(match[0]));
}

/** Changes the lines of the head. */
function onLines(text: string, change: (lines: string[]) => void): string {
  const end = text.indexOf('\r\n\r\n');
  const lines = (end < 0 ? text : text.slice(0, end)).split('\r\n');
  change(lines);
  return lines.join('\r\n') + (end < 0 ? '' : text.slice(end));
}

const mutators: readonly Mutator[] = [
  function flipBits(text, random) {
    let flipped = text;
    for (let left = between(random, 1, 8); left > 0 && text.length > 0; left--) {
      const at = between(random, 0, text.length - 1);
      flipped = cut(flipped, at, 1, String.fromCharCode(flipped.charCodeAt(at) ^ (1 << between(random, 0, 7))));
    }
    return flipped;
  },
  function insertBytes(text, random) {
    return cut(
      text,
      place(text, random),
      0,
      Array.from({ length: between(random, 1, 8) }, () => byte(random)).join(''),
    );
  },
  function deleteRange(text, random) {
    return cut(text, place(text, random), between(random, 1, chance(random, 0.2) ? 400 : 12), '');
  },
  function copyRange(text, random) {
    const from = place(text, random);
    return cut(text, place(text, random), 0, text.slice(from, from + between(random, 1, 200)));
  },
  function insertPieces(text, random) {
    let longer = text;
    for (let left = between(random, 1, 3); left > 0; left--)
      longer = cut(longer, place(longer, random), between(random, 0, 3), pick(random, pieces));
    return longer;
  },
  function replaceToken(text, random, other) {
    const theirs = other.match(/[^\s;,:<>"=@]+/g) ?? [''];
    return replaceOne(text, /[^\s;,:<>"=@]+/g, random, () => pick(random, theirs));
  },
  function takeTheirLine(text, random, other) {
    const theirs = other.split('\r\n');
    return onLines(text, (lines) =>
      lines.splice(between(random, 1, lines.length), between(random, 0, 1), pick(random, theirs)),
    );
  },
  function takeTheirEnd(text, random, other) {
    return text.slice(0, place(text, random)) + other.slice(place(other, random));
  },
  function appendTheirs(text, _random, other) {
    return text + other;
  },
  function changeLength(text, random) {
    return replaceOne(text, /^(?:Content-Length|l) *:.*$/gim, random, () => `Content-Length: ${pick(random, lengths)}`);
  },
  function changeNumber(text, random) {
    return replaceOne(text, /\d+/g, random, () => pick(random, numbers));
  },
  function repeatPiece(text, random) {
    const from = place(text, random);
    const piece = chance(random, 0.5) ? pick(random, pieces) : text.slice(from, from + between(random, 1, 40));
    const times = between(random, 2, chance(random, 0.3) ? 20_000 : 300);
    return cut(text, from, 0, piece.repeat(Math.min(times, Math.ceil(longestMutant / (piece.length || 1)))));
  },
  function repeatLine(text, random) {
    return onLines(text, (lines) => {
      const line = pick(random, lines);
      const copies = between(random, 1, chance(random, 0.3) ? 2_000 : 5);
      lines.splice(between(random, 1, lines.length), 0, ...Array.from({ length: copies }, () => line));
    });
  },
  function repeatValue(text, random) {
    return onLines(text, (lines) => {
      const at = between(random, 0, lines.length - 1);
      const [name = '', ...rest] = (lines[at] as string).split(':');
      const value = rest.join(':');
      lines[at] = `${name}:${Array.from({ length: between(random, 2, 300) }, () => value).join(',')}`;
    });
  },
  function manyParameters(text, random) {
    const many = Array.from({ length: between(random, 2, 600) }, (_, i) => (i % 2 ? `;p${i}` : `;p${i}=v`)).join('');
    return cut(text, place(text, random), 0, many);
  },
  function fold(text, random) {
    return replaceOne(
      text,
      /[ ,;:=]/g,
      random,
      (match) => `${match}${pick(random, ['\r\n ', '\r\n\t', '\r\n  \r\n '])}`,
    );
  },
  function swapLines(text, random) {
    return onLines(text, (lines) => {
      const [a, b] = [between(random, 0, lines.length - 1), between(random, 0, lines.length - 1)];
      [lines[a], lines[b]] = [lines[b] as string, lines[a] as string];
    });
  },
  function changeNames(text, random) {
    return replaceOne(text, /^[\w-]+(?= *:)/gm, random, (name) =>
      chance(random, 0.5) ? (compact[name as keyof typeof compact] ?? name.toUpperCase()) : `${name} `,
    );
  },
  function changeMethod(text, random) {
    const method = pick(random, methods);
    return text.replace(/^[^ \r]+/, method).replace(/(CSeq: \d+ )\S+/, `$1${method}`);
  },
  function changeLineEnds(text, random) {
    return pick(random, [
      () => text.replaceAll('\r\n', '\n'),
      () => text.replaceAll('\r\n', '\r'),
      () => `${'\r\n'.repeat(between(random, 1, 9))}${text}`,
      () => replaceOne(text, /\r\n/g, random, () => '\n'),
    ])();
  },
  function truncate(text, random) {
    return text.slice(0, place(text, random));
  },
];

/** @returns at most `longestMutant` characters; now and then the text as it is */
export function mutate(text: string, random: Random, other: string): string {
  if (chance(random, 0.05)) return text;
  let mutant = text;
  do mutant = pick(random, mutators)(mutant, random, other).slice(0, longestMutant);
  while (chance(random, another));
  return mutant;
}
