import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxBlankRun, maxHeadBytes, maxLineBytes, maxMessageBytes, scanMessage } from '../../src/sip/guard.ts';
import { bytesOf, invite } from './messages.ts';

const scan = (text: string) => scanMessage(bytesOf(text, 'latin1'));
const refusal = (text: string) => {
  const result = scan(text);
  return result.ok ? undefined : result.error;
};

describe('scanMessage', () => {
  test('finds the lines, their colons and the body', () => {
    const text = 'A b SIP/2.0\r\nX: 1\r\nY : 2:3\r\n\r\nbody';
    const result = scan(text);
    if (!result.ok) expect.fail(result.error.message);
    const { lines, body, plain } = result.value;
    expect(lines.map((line) => text.slice(line.start, line.end))).toEqual(['A b SIP/2.0', 'X: 1', 'Y : 2:3']);
    expect(lines.map((line) => line.colon - line.start)).toEqual([-1 - lines[0]!.start, 1, 2]);
    expect(text.slice(body)).toBe('body');
    expect(plain).toBe(true);
  });

  test('takes a folded field as one line', () => {
    const text = 'A b SIP/2.0\r\nX: 1\r\n 2\r\n\t3\r\nY: 4\r\n\r\n';
    const result = scan(text);
    if (!result.ok) expect.fail(result.error.message);
    expect(result.value.lines.map((line) => [text.slice(line.start, line.end), line.folded])).toEqual([
      ['A b SIP/2.0', false],
      ['X: 1\r\n 2\r\n\t3', true],
      ['Y: 4', false],
    ]);
  });

  test('skips CRLFs in front of the start line', () => {
    const result = scan(`\r\n\r\n${invite()}`);
    expect(result.ok && result.value.lines[0]).toMatchObject({ start: 4 });
  });

  test('says whether the head is plain text', () => {
    for (const subject of ['J\xfcrgen', '"\\\0"']) {
      const result = scan(invite({ Subject: subject }));
      expect(result.ok && result.value.plain).toBe(false);
    }
  });

  test.each([
    ['nothing', ''],
    ['CRLFs alone', '\r\n\r\n\r\n'],
    ['no empty line', 'A b SIP/2.0\r\nX: 1\r\n'],
    ['a lone LF', 'A b SIP/2.0\r\nX: 1\nY: 2\r\n\r\n'],
    ['a lone CR', 'A b SIP/2.0\r\nX: 1\rY: 2\r\n\r\n'],
    ['CR at the very end', 'A b SIP/2.0\r\nX: 1\r'],
    ['a folded start line', 'A b\r\n SIP/2.0\r\nX: 1\r\n\r\n'],
    ['a NUL', 'A b SIP/2.0\r\nX: \0\r\n\r\n'],
  ])('refuses %s', (_, text) => {
    expect(refusal(text)?.status).toBe(400);
  });

  test.each([
    ['blanks', ' '],
    ['tabs', '\t'],
    ['vertical tabs', '\x0b'],
    ['form feeds', '\x0c'],
    ['no-break spaces', '\xa0'],
    ['a mixture', '\xa0 \t\x0b'],
    ['folds', '\r\n '],
    ['folds with tabs', '\r\n\t\t'],
  ])('refuses a run of %s that is too long, and takes a shorter one', (_, blank) => {
    const run = (length: number) => blank.repeat(Math.ceil(length / blank.length)).slice(0, length);
    expect(refusal(invite({ Subject: `a${run(maxBlankRun * 2)}b` }))?.message).toMatch(/blanks in a row/);
    // A fold that is cut short would be a line end, so only whole ones.
    expect(scan(invite({ Subject: `a${blank.repeat(Math.floor(maxBlankRun / blank.length))}b` })).ok).toBe(true);
  });

  test('counts the blanks that are spread over a fold as one run', () => {
    const half = ' '.repeat(maxBlankRun / 2);
    expect(refusal(invite({ Subject: `a${half}\r\n${half}b` }))?.message).toMatch(/blanks in a row/);
  });

  test('limits line, head and message', () => {
    const line = 'x'.repeat(maxLineBytes - 'Subject: '.length);
    expect(scan(invite({ Subject: line })).ok).toBe(true);
    expect(refusal(invite({ Subject: `${line}x` }))?.status).toBe(400);
    expect(refusal(invite({}, '', `INVITE sip:${line} SIP/2.0`))?.status).toBe(414);
    expect(refusal(invite({ 'X-A': Array(9).fill('x'.repeat(4000)) }))).toMatchObject({
      status: 513,
      message: `the head is longer than ${maxHeadBytes} bytes`,
    });
    const head = invite().length;
    expect(scan(invite() + 'x'.repeat(maxMessageBytes - head)).ok).toBe(true);
    expect(refusal(invite() + 'x'.repeat(maxMessageBytes - head + 1))?.status).toBe(513);
  });

  test('does not look at the body', () => {
    expect(scan(`${invite()}\n\r\0${' '.repeat(1000)}`).ok).toBe(true);
  });

  test('never lets through a long run, a long line or a stray line break, whatever the bytes', () => {
    const pieces = fc.constantFrom(
      '\r\n',
      '\r',
      '\n',
      ' ',
      '\t',
      '\x0b',
      '\xa0',
      'a',
      ':',
      '\0',
      '\\',
      '\r\n\r\n',
      ' '.repeat(20),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (list) => {
        const text = `A b SIP/2.0\r\n${list.join('')}`;
        const result = scan(text);
        if (!result.ok) return;
        const head = text.slice(0, result.value.body);
        expect(head.endsWith('\r\n\r\n')).toBe(true);
        expect(head.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
        for (const run of head.slice(0, -4).match(/\s+/g) ?? []) {
          expect(run.replace(/\r\n(?![ \t]).*/s, '').length).toBeLessThanOrEqual(maxBlankRun);
        }
      }),
    );
  });
});
