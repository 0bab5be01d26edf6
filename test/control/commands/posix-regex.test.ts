import { describe, expect, it } from 'vitest';
import { posixRegex } from '../../../src/control/commands/posix-regex.ts';

function found(pattern: string, text: string): boolean | string {
  const regex = posixRegex(pattern);
  return regex.ok ? regex.value.test(text) : 'refused';
}

describe('an extended regular expression', () => {
  // What `regcomp(…, REG_EXTENDED | REG_ICASE | REG_NEWLINE)` of glibc 2.36 says of the same.
  it.each([
    ['a', 'xAx', true],
    ['^a$', 'A', true],
    ['^a$', 'ab', false],
    ['a|bc', 'xbC', true],
    ['^(a|b)+$', 'abBA', true],
    ['^(a|b)+$', 'abc', false],
    ['^a{2}$', 'aa', true],
    ['^a{2}$', 'aaa', false],
    ['^a{2,3}$', 'aaa', true],
    ['^a{,2}$', 'aaa', false],
    ['^a{2,}$', 'aaaaa', true],
    ['^(ab?c)*$', 'acabc', true],
    ['[[:digit:]]+@', 'sip:1003@x', true],
    ['^[^a-c]$', 'B', false],
    ['^[]a]+$', ']a', true],
    ['^[^]a]$', ']', false],
    ['^[a-]$', '-', true],
    ['^[[.a.]-[.c.]]$', 'b', true],
    ['.', '\n', false],
    ['^b', 'a\nb', true],
    ['\\.', 'x', false],
    ['\\w\\W\\s\\S', 'a x', false],
    ['\\bsip\\b', 'x sip:', true],
    ['\\<sip\\>', 'sips', false],
    ['a**', '', true],
    ['a|', 'x', true],
    ['()', 'x', true],
    ['(^)*a', 'ba', true],
    ['a)', 'a)', true],
    ['', 'x', true],
  ] as const)('%j in %j: %s', (pattern, text, expected) => {
    expect(found(pattern, text)).toBe(expected);
  });

  it.each([
    '(',
    '[a',
    '*a',
    'a|*b',
    '^*',
    '$?',
    'a{1',
    'a{2,1}',
    'a{256}',
    '[[:none:]]',
    '[[:constructor:]]',
    '[c-a]',
    '\\',
    '(a)\\1',
  ])('%j is none', (pattern) => {
    expect(found(pattern, 'a')).toBe('refused');
  });

  it('is refused when it is too large, before it costs anything', () => {
    for (const pattern of ['a'.repeat(513), '((a{255}){255}){255}', '('.repeat(200), '(a|b){200}'])
      expect(found(pattern, 'a')).toBe('refused');
  });

  it('takes no more steps than its size times the length of the text', () => {
    // Where one way after the other is tried, this takes longer than the universe lasts.
    expect(found('^(a*)*(a|aa)+(a*)*$', `${'a'.repeat(5000)}b`)).toBe(false);
    expect(found('(x+x+)+y', 'x'.repeat(5000))).toBe(false);
  });
});
