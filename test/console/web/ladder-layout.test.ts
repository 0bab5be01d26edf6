import { describe, expect, it } from 'vitest';
import type { LadderMessage } from '../../../src/console/protocol.ts';
import { layLadder, messageLabel, messageTone, rowHeights } from '../../../src/console/web/console/ladder-layout.ts';
import { FakeCalls } from '../fake-calls.ts';

const now = 1_700_000_000_000;
const fake = new FakeCalls(7, () => now);
const bridged = () => {
  for (;;) {
    const call = fake.call(90_000);
    if (call.legs.length === 2 && call.answeredAt !== undefined) return fake.detail(call);
  }
};

describe('the ladder', () => {
  it('has the caller to the left of Tandem and the callee to the right, and arrows between them', () => {
    const { call, ladder } = bridged();
    const { lanes, rows } = layLadder(call.legs, ladder, []);
    expect(lanes.map(({ kind }) => kind)).toEqual(['caller', 'tandem', 'callee']);
    const arrows = rows.flatMap((row) => (row.kind === 'message' ? [row] : []));
    expect(arrows.length).toBe(ladder.length);
    for (const { message, from, to } of arrows) {
      const remote = message.sessionId === call.legs[0]?.sessionId ? 0 : 2;
      expect([from, to]).toEqual(message.direction === 'in' ? [remote, 1] : [1, remote]);
    }
  });

  it('puts messages and events on one time line, each below what came before', () => {
    const { call, ladder, events } = bridged();
    const { rows, height } = layLadder(call.legs, ladder, events);
    const timed = rows.flatMap((row) => (row.kind === 'gap' ? [] : [row.at]));
    expect(timed).toEqual(timed.toSorted((a, b) => a - b));
    let y = 0;
    for (const row of rows) {
      expect(row.y).toBe(y);
      y += rowHeights[row.kind];
    }
    expect(height).toBe(y);
  });

  it('shows time in which nothing happened as a gap', () => {
    const { call, ladder } = bridged();
    const [first] = ladder as [LadderMessage];
    const { rows } = layLadder(call.legs, [first, { ...first, at: first.at + 30_000, text: 'other' }], []);
    expect(rows.map(({ kind }) => kind)).toEqual(['message', 'gap', 'message']);
    expect(rows[1]).toMatchObject({ ms: 30_000 });
  });

  it('marks what is sent again, but not the same from another leg', () => {
    const { call, ladder } = bridged();
    const [first] = ladder as [LadderMessage];
    const again = { ...first, at: first.at + 500 };
    const other = { ...first, at: first.at + 600, sessionId: call.legs[1]?.sessionId ?? '' };
    const { rows } = layLadder(call.legs, [first, again, other], []);
    expect(rows.map((row) => (row.kind === 'message' ? row.again : undefined))).toEqual([0, 1, 0]);
  });

  it('keeps a lane for a leg that has gone, and takes an empty call', () => {
    const { call, ladder } = bridged();
    const { lanes } = layLadder(call.legs.slice(0, 1), ladder, []);
    expect(lanes.map(({ kind }) => kind)).toEqual(['caller', 'tandem', 'callee']);
    expect(layLadder([], [], [])).toMatchObject({ rows: [], height: 0 });
  });
});

describe('a message in words', () => {
  const message = (summary: string, text = ''): LadderMessage => ({
    ...(bridged().ladder[0] as LadderMessage),
    summary,
    text,
  });
  it.each([
    ['INVITE sip:1000@x', 'INVITE', 'request'],
    ['100 Trying', '100 Trying', 'progress'],
    ['200 OK', '200 OK', 'good'],
    ['302 Moved', '302 Moved', 'bad'],
    ['486 Busy Here', '486 Busy Here', 'bad'],
  ])('%s', (summary, label, tone) => {
    expect(messageLabel(message(summary))).toBe(label);
    expect(messageTone(message(summary))).toBe(tone);
  });

  it('says that there is SDP in it', () => {
    expect(messageLabel(message('200 OK', 'SIP/2.0 200 OK\r\n\r\nv=0\r\n'))).toBe('200 OK · SDP');
  });
});
