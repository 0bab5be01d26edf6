import { describe, expect, it } from 'vitest';
import { changesOf } from '../../src/cli/live.ts';
import { configOf } from './ivr/office.ts';

const users = 'users: { "5001": { password: a } }\n';

describe('what a file changes in a running server', () => {
  it.each([
    ['users: { "5001": { password: b } }', ['users']],
    [`${users}trunks: { a: { uri: b } }`, ['trunks']],
    [`${users}routes: [{ to: { service: echo } }]`, ['routes']],
    [`${users}calendar: { holidays: ["12-25"] }`, ['calendar.holidays']],
    [`${users}log: { level: debug }`, ['log.level']],
    [`${users}voicemail: { folder: a }`, ['voicemail.folder']],
    [`${users}origins: [a]`, ['origins']],
  ])('%s', (yaml, changed) => {
    const after = configOf(yaml);
    expect(changesOf(configOf(users), after)).toMatchObject({ live: changed, restart: [], config: after });
  });

  it.each([
    [`${users}listen: ["udp:127.0.0.1:5070"]`, ['listen']],
    [`${users}media: { rtpPorts: { min: 20000 } }`, ['media.rtpPorts.min']],
    [`${users}store: { url: none }`, ['store.url']],
    ['', ['users']],
  ])('and what it cannot: %s', (yaml, restart) => {
    const before = configOf(users);
    expect(changesOf(before, configOf(yaml))).toEqual({ live: [], restart, config: before });
  });

  it('is nothing where nothing changed', () => {
    expect(changesOf(configOf(users), configOf(users))).toMatchObject({ live: [], restart: [] });
  });
});
