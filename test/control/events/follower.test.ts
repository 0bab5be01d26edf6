import { describe, expect, it } from 'vitest';
import { EventFollower } from '../../../src/control/events/follower.ts';
import { EventLog } from '../../../src/control/events/log.ts';
import { FakeClock } from '../../../src/testing/index.ts';

/** A client, and turns of the event loop that are taken by hand. */
function follow(log: EventLog, since?: number) {
  const sent: string[] = [];
  const work: (() => void)[] = [];
  const client = { full: false, ended: '' };
  const sink = {
    get full() {
      return client.full;
    },
    send: (_: number, json: string) => void sent.push(JSON.parse(json).event),
    end: (reason: string) => {
      client.ended = reason;
    },
  };
  const follower = new EventFollower(
    log,
    ({ name }) => name !== 't:unwanted',
    since,
    sink,
    (turn) => work.push(turn),
  );
  const turn = (): number => {
    const now = work.splice(0);
    for (const one of now) one();
    return now.length;
  };
  return { sent, client, follower, turn };
}

function logOf(count: number, maxEvents = 1_000): EventLog {
  const log = new EventLog(new FakeClock(), { maxEvents });
  for (let i = 0; i < count; i++) log.append(`t:${i}`, {});
  return log;
}

describe('a follower', () => {
  it('sends what there is in portions, one a turn', () => {
    const { sent, turn } = follow(logOf(150), 0);
    expect(sent).toEqual([]);
    const portions: number[] = [];
    while (turn() > 0) portions.push(sent.length);
    expect(portions).toEqual([64, 128, 150]);
  });

  it('sends what comes, without what is not wanted', () => {
    const log = logOf(3);
    const { sent, turn } = follow(log);
    turn();
    for (const name of ['t:a', 't:unwanted', 't:b']) log.append(name, {});
    expect(turn()).toBe(1);
    expect(sent).toEqual(['t:a', 't:b']);
  });

  it('waits for a client that has enough, and goes on where it was', () => {
    const log = logOf(0);
    const { sent, client, follower, turn } = follow(log);
    client.full = true;
    log.append('t:a', {});
    turn();
    expect(sent).toEqual([]);
    client.full = false;
    follower.drained();
    turn();
    expect(sent).toEqual(['t:a']);
  });

  it('ends when the log has gone on without the client, which is told', () => {
    const log = logOf(0, 3);
    const { sent, client, turn } = follow(log);
    const other = follow(log);
    client.full = true;
    for (let i = 0; i < 4; i++) {
      log.append(`t:${i}`, {});
      turn();
      other.turn();
    }
    expect(sent).toEqual(['log:dropped']);
    expect(client.ended).toBe('slow');
    log.append('t:more', {});
    expect(turn()).toBe(0);
    other.turn();
    expect(other.sent).toEqual(['t:0', 't:1', 't:2', 't:3', 't:more']);
  });

  it('ends when the client has read nothing from one look to the next', () => {
    const log = logOf(0);
    const { client, follower } = follow(log);
    client.full = true;
    follower.checkReading();
    follower.drained(); // and full again
    follower.checkReading();
    expect(client.ended).toBe('');
    follower.checkReading();
    expect(client.ended).toBe('slow');
  });

  it('is closed once, and silent after that', () => {
    const log = logOf(0);
    const { sent, client, follower, turn } = follow(log);
    follower.close();
    follower.close();
    follower.checkReading();
    log.append('t:a', {});
    turn();
    expect({ sent, ended: client.ended }).toEqual({ sent: ['log:closing'], ended: 'closing' });
  });

  it('says nothing to a client that has left', () => {
    const log = logOf(0);
    const { sent, follower, turn } = follow(log);
    follower.leave();
    log.append('t:a', {});
    turn();
    follower.close();
    expect(sent).toEqual([]);
  });
});
