import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, matchPattern, mayGoOn, type Pattern, parsePattern } from '../../src/routes/pattern.ts';

function pattern(text: string): Pattern {
  const parsed = parsePattern(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

const match = (text: string, number: string) => matchPattern(pattern(text), number);

describe('a pattern', () => {
  it.each([
    ['600', '600', ['600']],
    ['600', '6000', undefined],
    ['600', '60', undefined],
    ['6XX', '642', ['642']],
    ['6XX', '6a2', undefined],
    ['ZXX', '099', undefined],
    ['NXX', '199', undefined],
    ['NXX', '299', ['299']],
    ['60[3-9]', '603', ['603']],
    ['60[3-9]', '602', undefined],
    ['[1-35]X', '50', ['50']],
    ['+49*', '+49', ['+49']],
    ['+49*', '+4930123', ['+4930123']],
    ['+49*', '4930123', undefined],
    ['*', '', ['']],
    ['*', 'alice', ['alice']],
    ['0(*)', '0049', ['0049', '049']],
    ['00(ZX)(*)', '0049301', ['0049301', '49', '301']],
    ['*97', '*97', ['*97']],
    ['*97', '97', undefined],
    ['*21*(5XXX)#', '*21*5001#', ['*21*5001#', '5001']],
    ['5[*]', '5*', ['5*']],
    ['5[*]', '51', undefined],
    ['alice', 'alice', ['alice']],
    ['alice', 'alic', undefined],
    ['sales*', 'sales-two', ['sales-two']],
    ['Xavier', 'Xavier', ['Xavier']],
    ['a.b', 'aXb', undefined],
    ['/^0(\\d+)$/', '049', ['049', '49']],
    ['/^alice$/i', 'ALICE', ['ALICE']],
    ['/^(a)?b$/', 'b', ['b', '']],
  ])('%s for %s is %j', (text, number, groups) => {
    expect(match(text, number)).toEqual(groups);
  });

  it.each([
    ['', 'is empty'],
    ['6(X', 'brackets that do not fit'],
    ['6)X(', 'brackets that do not fit'],
    ['6((X))', 'brackets that do not fit'],
    ['6[', '[ ] holds digits and ranges'],
    ['6[]', '[ ] holds digits and ranges'],
    ['6[9-3]', '[ ] holds digits and ranges'],
    ['6]', 'a ] without a ['],
    ['/(/', 'is no expression'],
    ['/a/g', 'is no expression'],
    ['/', 'is no expression'],
    ['alice(*)', 'has letters'],
  ])('%j is refused: %s', (text, says) => {
    expect(parsePattern(text)).toMatchObject({ ok: false, error: expect.stringContaining(says) });
  });

  it('is no expression for longer numbers than there are', () => {
    expect(match('/^(\\d+)+$/', `${'1'.repeat(200)}x`)).toBeUndefined();
    expect(match('*', '1'.repeat(200))).toHaveLength(1);
    expect(match('1*', '1'.repeat(200))).toBeUndefined();
  });

  it.each([
    ['6XX', '', true],
    ['6XX', '6', true],
    ['6XX', '60', true],
    ['6XX', '600', false],
    ['6XX', '7', false],
    ['6*', '6123', true],
    ['/x/', '6123', true],
  ])('%s after %j goes on: %s', (text, digits, goesOn) => {
    expect(mayGoOn(pattern(text), digits)).toBe(goesOn);
  });

  it.each([
    ['*', '/x/', true],
    ['6XX', '600', true],
    ['600', '6XX', false],
    ['6XX', '60[0-3]', true],
    ['6*', '6XX', true],
    ['6XX', '6*', false],
    ['6*', '60*', true],
    ['NXX', 'XXX', false],
    ['/^6\\d\\d$/', '600', true],
    ['/^6\\d\\d$/', '6XX', false],
    ['/a/', '/a/', true],
    ['/a/', '/b/', false],
  ])('%s covers %s: %s', (outer, inner, does) => {
    expect(covers(pattern(outer), pattern(inner))).toBe(does);
  });

  it('takes every number that a pattern which it covers takes', () => {
    const text = fc.string({
      unit: fc.constantFrom('0', '1', '2', '9', 'X', 'Z', 'N', '[1-3]', '*', '+'),
      minLength: 1,
      maxLength: 5,
    });
    const number = fc.string({ unit: fc.constantFrom('0', '1', '2', '9', '*', '+'), maxLength: 6 });
    fc.assert(
      fc.property(text, text, number, (a, b, digits) => {
        if (covers(pattern(a), pattern(b)) && match(b, digits)) expect(match(a, digits)).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws, whatever it is made of', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0X[](*)-/^$\\a+'), maxLength: 10 }),
        fc.string(),
        (text, number) => {
          const parsed = parsePattern(text);
          if (parsed.ok) {
            matchPattern(parsed.value, number);
            mayGoOn(parsed.value, number);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
