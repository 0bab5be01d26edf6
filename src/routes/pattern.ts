/**
 * Which numbers a route is for, as phone people write it: `600`, `6XX`, `+49*`, `0(*)`, `[3-5]X`, `/^00?(\d+)$/`. Pure.
 *
 * `X` is any digit, `Z` one from 1 on, `N` one from 2 on, `[…]` one of these, and `*` at the end whatever follows, or
 * nothing; elsewhere it is the key. What has other letters in it is a name, as it is. Brackets take what `$1` stands for.
 */
import { fail, ok, type Result } from '../base/errors.ts';

/** Longer numbers are nobody's; expressions see none. */
const longest = 128;
const classes: Readonly<Record<string, string>> = { X: '0123456789', Z: '123456789', N: '23456789' };
const numberText = /^[0-9+#*XZN.()[\]-]+$/;

export interface Pattern {
  readonly text: string;
  readonly expression: RegExp;
  /** What may stand at each place, and whether more may follow; undefined of an expression. */
  readonly places: { readonly allowed: readonly string[]; readonly open: boolean } | undefined;
}

/** @returns why it is none, in words for the one who wrote it */
export function parsePattern(text: string): Result<Pattern> {
  if (text === '') return fail('is empty: "*" is every number');
  if (text.startsWith('/')) return expressionOf(text);
  const open = isOpen(text);
  const fixed = open ? text.replace(/\*(\)*)$/, '$1') : text;
  if (!numberText.test(text)) {
    if (/[()[\]]/.test(text)) return fail(`"${text}" has letters: brackets stand in numbers; write names as they are`);
    return ok(made(text, [...fixed], [...fixed].map(escaped).join(''), open));
  }
  const allowed: string[] = [];
  let source = '';
  let depth = 0;
  for (let at = 0; at < fixed.length; at++) {
    const sign = fixed[at] as string;
    if (sign === '(' || sign === ')') {
      depth += sign === '(' ? 1 : -1;
      if (depth < 0 || depth > 1) return fail(`"${text}" has brackets that do not fit`);
      if (sign === ')' && open && /^\)*$/.test(fixed.slice(at))) source += rest;
      source += sign;
    } else if (sign === '[') {
      const end = fixed.indexOf(']', at);
      const set = end < 0 ? undefined : setOf(fixed.slice(at + 1, end));
      if (set === undefined) return fail(`"${text}": [ ] holds digits and ranges, as [3-5] or [*0]`);
      allowed.push(set);
      source += `[${[...set].map(escaped).join('')}]`;
      at = end;
    } else if (sign === ']') return fail(`"${text}" has a ] without a [`);
    else {
      const set = classes[sign] ?? sign;
      allowed.push(set);
      source += set.length > 1 ? `[${set}]` : escaped(set);
    }
  }
  if (depth !== 0) return fail(`"${text}" has brackets that do not fit`);
  return ok(made(text, allowed, source, open && !source.includes(rest)));
}

const rest = '[^]*';

function made(text: string, allowed: readonly string[], body: string, more: boolean): Pattern {
  return { text, expression: new RegExp(`^${body}${more ? rest : ''}$`), places: { allowed, open: isOpen(text) } };
}

function isOpen(text: string): boolean {
  return /\*\)*$/.test(text);
}

function expressionOf(text: string): Result<Pattern> {
  const [, source, flags = ''] = /^\/(.+)\/(i?)$/.exec(text) ?? [];
  if (source === undefined) return fail(`"${text}" is no expression: write it as /^00?(\\d+)$/`);
  try {
    return ok({ text, expression: new RegExp(source, flags), places: undefined });
  } catch (error) {
    return fail(`"${text}" is no expression: ${(error as Error).message.replace(/^.*: /, '')}`);
  }
}

function escaped(sign: string): string {
  return sign.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** `3-5`, `*0`, `1-38` */
function setOf(text: string): string | undefined {
  let set = '';
  for (let at = 0; at < text.length; at++) {
    const from = text[at] as string;
    if (text[at + 1] === '-') {
      const to = text[at + 2] ?? '';
      if (!/^\d\d$/.test(from + to) || from > to) return undefined;
      for (let digit = Number(from); digit <= Number(to); digit++) set += digit;
      at += 2;
    } else if (/[0-9+#*]/.test(from)) set += from;
    else return undefined;
  }
  return set === '' ? undefined : set;
}

/** @returns the number, and what each pair of brackets took; undefined for a number that it is not for */
export function matchPattern(pattern: Pattern, number: string): readonly string[] | undefined {
  if (number.length > longest) return pattern.text === '*' ? [number] : undefined;
  const found = pattern.expression.exec(number);
  return found ? [number, ...found.slice(1).map((group) => group ?? '')] : undefined;
}

/** Whether more digits could make a number of it that it is for: a menu waits for them then. */
export function mayGoOn(pattern: Pattern, digits: string): boolean {
  const { places } = pattern;
  if (!places) return digits.length < longest;
  const { allowed, open } = places;
  if (![...digits].slice(0, allowed.length).every((sign, at) => allowed[at]?.includes(sign))) return false;
  return open || digits.length < allowed.length;
}

/** Whether every number of `inner` is one of `outer`; false where that cannot be told. */
export function covers(outer: Pattern, inner: Pattern): boolean {
  if (outer.text === inner.text || outer.text === '*') return true;
  const [a, b] = [outer.places, inner.places];
  if (!b) return false;
  if (!a) return !b.open && b.allowed.every((set) => set.length === 1) && outer.expression.test(b.allowed.join(''));
  const fits = a.open ? b.allowed.length >= a.allowed.length : !b.open && b.allowed.length === a.allowed.length;
  return fits && a.allowed.every((set, at) => [...(b.allowed[at] as string)].every((sign) => set.includes(sign)));
}
