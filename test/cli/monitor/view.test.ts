import { describe, expect, it } from 'vitest';
import { type CallRow, callsOf, type Snapshot, totalsOf } from '../../../src/cli/monitor/calls.ts';
import { press } from '../../../src/cli/monitor/keys.ts';
import { firstView, render, renderPlain, shownCalls, sortKeys, type View } from '../../../src/cli/monitor/view.ts';

const call = (more: Partial<CallRow> = {}): CallRow => ({
  ...{ hEntry: 1573, hId: 8651, callId: 'a@b', state: 4, duration: 75, codecs: ['PCMU', 'PCMU'], mos: 4.38 },
  ...{ from: 'sip:5001@192.168.210.54', to: 'sip:1003@192.168.210.54' },
  ...more,
});
const totals = { active: 2, early: 1, processed: 7, failed: 3, expired: 0 };
const snapshot = (calls: readonly CallRow[], more: Partial<Snapshot> = {}): Snapshot => ({
  ...{ calls, totals, callsPerSecond: 0.5, hidden: 0 },
  ...more,
});
const three = [
  call(),
  call({ callId: 'c', state: 2, duration: 0, from: 'sip:5002@x', codecs: [], mos: undefined }),
  call({ callId: 'd', duration: 3_725, to: 'sip:600@x', codecs: ['opus', 'PCMA'], mos: 3.1 }),
];
const size = { columns: 100, rows: 12 };

describe('the monitor', () => {
  it('shows the calls, the longest first', () => {
    expect(render(snapshot(three), firstView, size)).toEqual([
      '2 active, 1 ringing; 7 processed, 3 failed, 0 expired, 0.5 calls/s',
      '',
      '  STATE     TIME▼     FROM                         TO                           CODECS          MOS ',
      '> up        1:02:05   sip:5001@192.168.210.54      sip:600@x                    opus ↔ PCMA     3.1 ',
      '  up        01:15     sip:5001@192.168.210.54      sip:1003@192.168.210.54      PCMU            4.4 ',
      '  ringing   -         sip:5002@x                   sip:1003@192.168.210.54      -               -   ',
      'q quit  ↑↓ choose  x end  s sort  r reverse  / filter',
    ]);
  });

  it('fits into any terminal', () => {
    const many = Array.from({ length: 500 }, (_, index) => call({ callId: `${index}`, duration: index }));
    for (const [columns, rows] of [
      [1, 1],
      [10, 2],
      [40, 5],
      [80, 24],
      [300, 100],
    ] as const)
      for (const view of [
        firstView,
        { ...firstView, selected: 499, filter: '1'.repeat(100), asking: 'filter' as const },
      ]) {
        const lines = render(snapshot(many), view, { columns, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
      }
  });

  it('keeps the chosen call in sight', () => {
    const many = Array.from({ length: 100 }, (_, index) =>
      call({ callId: `${index}`, from: `sip:u${index}@x`, duration: 1_000 - index }),
    );
    for (const selected of [0, 5, 50, 99, 500]) {
      const marked = render(snapshot(many), { ...firstView, selected }, size).find((line) => line.startsWith('>'));
      expect(marked).toContain(`sip:u${Math.min(selected, 99)}@x`);
    }
  });

  it('writes nothing to the terminal that a peer made up', () => {
    const evil = call({ from: 'sip:\x1b[2J\x07x\u202e@\x9b1m', codecs: ['\x1b]0;t\x07'] });
    const text = render(snapshot([evil]), { ...firstView, asking: 'end' }, size).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  });

  it('says what is not shown', () => {
    expect(render(snapshot([], { hidden: 0 }), firstView, size)).toContain('  no calls');
    expect(render(snapshot(three), { ...firstView, filter: 'zz' }, size)).toContain('  no call has "zz" in it');
    expect(render(snapshot(three, { hidden: 9 }), firstView, { columns: 200, rows: 9 })[0]).toContain(
      'the first 3 are shown',
    );
    expect(render(snapshot(three), { ...firstView, filter: '600' }, { columns: 200, rows: 9 })[0]).toContain(
      '1 of 3 shown',
    );
  });

  it('is plain text without a terminal', () => {
    const text = renderPlain(snapshot(three, { callsPerSecond: undefined }));
    expect(text[0]).toBe('2 active, 1 ringing; 7 processed, 3 failed, 0 expired');
    expect(text).toHaveLength(5);
    expect(text[4]).toMatch(/^ {2}ringing {3}- {9}sip:5002@x/);
    expect(renderPlain(snapshot([]))).toHaveLength(1);
  });
});

describe('the order of calls', () => {
  const ids = (view: Partial<View>) => shownCalls(three, { ...firstView, ...view }).map(({ callId }) => callId);

  it.each([
    ['duration', ['d', 'a@b', 'c']],
    ['state', ['c', 'a@b', 'd']],
    ['from', ['a@b', 'd', 'c']],
    ['to', ['a@b', 'c', 'd']],
    ['codecs', ['c', 'd', 'a@b']],
    ['mos', ['d', 'a@b', 'c']],
  ] as const)('is by %s', (sort, order) => {
    expect(ids({ sort })).toEqual(order);
  });

  it('can be turned round, and cut down by what is searched', () => {
    expect(ids({ reverse: true })).toEqual(['c', 'a@b', 'd']);
    expect(ids({ filter: 'RINGING' })).toEqual(['c']);
    expect(ids({ filter: 'opus' })).toEqual(['d']);
    expect(ids({ filter: '5002' })).toEqual(['c']);
  });
});

describe('keys', () => {
  const pressed = (...keys: readonly string[]) => keys.reduce((view, key) => press(view, key, 3).view, firstView);

  it('choose a call', () => {
    expect(pressed('j', '\x1b[B').selected).toBe(2);
    expect(pressed('\x1b[6~', 'k').selected).toBe(1);
    expect(pressed('\x1b[A', '\x1b[5~').selected).toBe(0);
    expect(press(firstView, 'j', 0).view.selected).toBe(0);
  });

  it('sort by one after the other, and turn round', () => {
    const seen = sortKeys.map((_, index) => pressed(...Array.from({ length: index + 1 }, () => 's')).sort);
    expect(new Set(seen)).toEqual(new Set(sortKeys));
    expect(seen.at(-1)).toBe(firstView.sort);
    expect(pressed('r').reverse).toBe(true);
  });

  it('type a filter, in which letters are no commands', () => {
    expect(pressed('/', 'q', 'x', '1', '\x7f', '\x1b[A', '\r')).toMatchObject({ filter: 'qx', asking: 'nothing' });
    expect(pressed('/', 'a', '\x1b')).toMatchObject({ filter: '', asking: 'nothing' });
    expect(press(pressed('/', 'a'), '\x03', 3).act).toBe('quit');
  });

  it('end a call only when that is confirmed', () => {
    expect(press(pressed('x'), 'y', 3)).toMatchObject({ act: 'end', view: { asking: 'nothing' } });
    expect(press(pressed('x'), 'n', 3).act).toBeUndefined();
    expect(pressed('x', '\r').asking).toBe('nothing');
    expect(press(firstView, 'x', 0).view.asking).toBe('nothing');
    expect(press(firstView, 'q', 3).act).toBe('quit');
  });
});

describe('what the server answers', () => {
  it('becomes rows', () => {
    const list = [
      {
        ...{
          h_entry: 1573,
          h_id: 8651,
          'call-id': 'a@b',
          from_uri: 'sip:a@b',
          to_uri: 'sip:c@d',
          state: 4,
          duration: 7,
        },
        legs: [
          { side: 'caller', codec: 'opus/48000/2', rtp: { mos: 4.4 } },
          { side: 'callee', codec: 'PCMU', rtp: { mos: 3.9 } },
          { side: 'callee', rtp: {} },
        ],
      },
    ];
    expect(callsOf(list)).toEqual([
      {
        ...{ hEntry: 1573, hId: 8651, callId: 'a@b', from: 'sip:a@b', to: 'sip:c@d', state: 4, duration: 7 },
        ...{ codecs: ['opus', 'PCMU'], mos: 3.9 },
      },
    ]);
  });

  it('may be anything', () => {
    const nothing = {
      hEntry: 0,
      hId: 0,
      callId: '',
      from: '',
      to: '',
      state: 0,
      duration: 0,
      codecs: [],
      mos: undefined,
    };
    expect(callsOf([null, 5, 'x', { legs: 3, state: 'x', 'call-id': 7 }])).toEqual([
      nothing,
      nothing,
      nothing,
      nothing,
    ]);
    for (const answer of [null, 'x', {}, 3]) expect(callsOf(answer)).toEqual([]);
  });

  it('has the statistics as text', () => {
    expect(
      totalsOf({ 'dialog.active_dialogs': '2', 'dialog.processed_dialogs': '9', 'dialog.failed_dialogs': 'x' }),
    ).toEqual({
      ...{ active: 2, early: 0, processed: 9, failed: 0, expired: 0 },
    });
  });
});
