import { readFileSync } from 'node:fs';
import { describe } from 'vitest';
import type { RpcStruct } from '../../../src/control/rpc/value.ts';
import { expect, test } from '../../helpers/lab.ts';
import { connected, golden, House, masked, openHouse } from './house.ts';

/** Rows of the table in `docs/kamailio.md` that no masking hides. */
const different = new Set(['dlg.briefing', 'dlg.is_alive a', 'dlg.is_alive C']);

describe('answers as Kamailio', () => {
  test('without a call, faults included', async ({ lab }) => {
    const { house } = await openHouse(lab);
    const answers = [...golden('no call')].filter(([line]) => !different.has(line));
    expect(answers.length).toBeGreaterThan(50);
    for (const [line, answer] of answers) expect(`$ ${line}\n${await house.kamcmd(line)}`).toBe(`$ ${line}\n${answer}`);
  });

  test('while it rings, once it is up, and when it has failed', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    const compare = async (moment: string): Promise<void> => {
      const answers = golden(moment);
      for (const line of [
        'dlg.list',
        'dlg.stats_active',
        'stats.get_statistics dialog:',
        'dlg.profile_get_size caller',
      ])
        expect(`${line}\n${masked(await house.kamcmd(line))}`).toBe(
          `${line}\n${masked(answers.get(line) ?? 'nothing')}`,
        );
    };
    alice.invite('1003');
    await bob.rings();
    await lab.advance(10);
    await compare('early');
    await bob.answer();
    await alice.isUp();
    await lab.advance(10);
    await compare('confirmed');
    await bob.hangup();
    await alice.ends();
    await lab.advance(1000);
    expect(await house.kamcmd('dlg.list')).toBe('');

    expect(await house.kamcmd('stats.clear_statistics dialog:')).toBe(
      'dialog:active_dialogs = 0\ndialog:early_dialogs = 0\ndialog:expired_dialogs = 0\n' +
        'dialog:failed_dialogs = 0\ndialog:processed_dialogs = 0 (1)\n',
    );
    // Its ACK is lost, so that it stays in the list for a while.
    const failed = alice.anotherLine();
    failed.invite('1003');
    await bob.rings();
    alice.vanish();
    bob.reject(486);
    await lab.advance(100);
    expect(masked(await house.kamcmd('dlg.list'))).toBe(masked(golden('failed').get('dlg.list') ?? ''));
    expect(house.record.duration).toBe(0);
    expect(await house.kamcmd('stats.get_statistics failed_dialogs')).toBe('dialog:failed_dialogs = 1\n');
  });
});

test('is in JSON what Kamailio has there: the same members of the same types', async ({ lab }) => {
  const { house } = await connected(lab);
  const text = readFileSync(new URL('../golden/dlg.list.json', import.meta.url), 'utf8');
  const { result } = JSON.parse(text) as { result: unknown[] };
  expect(typesOf((await house.values('dlg.list'))[0])).toEqual(typesOf(result[0]));
});

/** The names and types of a value; of a list those of its first element. */
function typesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(typesOf).slice(0, 1);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.entries(value).map(([name, one]) =>
    // What a profile or a variable is called is the call's.
    [name, ['profiles', 'variables'].includes(name) ? 'list' : typesOf(one)],
  );
}

describe('lists', () => {
  test('are narrowed by key, operator, value and limit', async ({ lab }) => {
    const { house, alice } = await connected(lab);
    const { callId, startTs } = house.record;
    const matched = async (...words: readonly string[]): Promise<number> =>
      (await house.values('dlg.list_match', ...words).catch(() => [])).length;
    expect(await matched('callid', 'eq', callId)).toBe(1);
    expect(await matched('callid', 'sw', callId.slice(0, 4))).toBe(1);
    expect(await matched('furi', 're', '^SIP:al+ice@')).toBe(1);
    expect(await matched('furi', 'eq', alice.uri.toUpperCase())).toBe(0);
    expect(await matched('turi', 'sw', 'sip:1003@')).toBe(1);
    expect(await matched('ruri', 're', '(1003|1004)@')).toBe(1);
    expect(await matched('start_ts', 'gt', String(startTs))).toBe(0);
    expect(await matched('start_ts', 'gt', String(startTs - 1))).toBe(1);
    expect(await matched('start_ts', 'lt', 'soon')).toBe(0);
    await lab.phone('carol').dial('2000');
    expect(await matched('turi', 'sw', 'sip:', '1')).toBe(1);
    expect(await matched('turi', 'sw', 'sip:', '0')).toBe(2);
  });

  test('show members of a call in the order that is asked for', async ({ lab }) => {
    const { house } = await connected(lab);
    const { sides, callId } = house.record;
    const struct = await house.struct('dlg.briefing', 'sTxFcs');
    expect(Object.entries(struct)).toEqual([
      ['h_entry', house.record.hEntry],
      ['h_id', house.record.hId],
      ['state', 4],
      ['to_tag', sides.callee?.tag],
      ['from_tag', sides.caller?.tag],
      ['call-id', callId],
    ]);
    expect(sides.callee?.tag).not.toBe(sides.caller?.tag);
  });

  test('of a profile are those of one value, or all', async ({ lab }) => {
    const { house } = await connected(lab);
    const { fromUri } = house.record;
    for (const [words, count] of [
      [['caller'], 1],
      [['caller', fromUri], 1],
      [['caller', 'sip:nobody@x'], 0],
      [['inbound'], 1],
      [['inbound', 'whatever'], 1],
    ] as const) {
      expect(await house.values('dlg.profile_list', ...words)).toHaveLength(count);
      expect(await house.values('dlg.profile_get_size', ...words)).toEqual([count]);
    }
    expect(await house.values('dlg.profiles')).toEqual([
      { name: 'caller', has_value: 1, size: 1 },
      { name: 'inbound', has_value: 0, size: 1 },
    ]);
  });

  test('with context show both legs, one number for the bridge, and what listeners add', async ({ lab }) => {
    const { house } = await connected(lab);
    house.tandem.registry.on('rpcContext', ({ context }) => {
      context.tenant = 'acme';
      context.state = 'overwritten';
    });
    const own = await house.struct('dlg.list');
    const struct = await house.struct('dlg.dlg_list_ctx', house.record.callId);
    expect(struct).toMatchObject({ ...own, direction: 'inbound', bridge: 1, transcoding: 0, tenant: 'acme' });
    expect(Object.keys(struct).slice(0, Object.keys(own).length)).toEqual(Object.keys(own));
    const [caller, callee] = struct.legs as RpcStruct[];
    const [a, b] = house.record.sessions;
    expect(caller).toMatchObject({ side: 'caller', 'call-id': a?.callId, codec: 'PCMU/8000', hold: 'none' });
    expect(callee).toMatchObject({ side: 'callee', 'call-id': b?.callId, remote_tag: (own.callee as RpcStruct).tag });
    expect(callee?.['call-id']).not.toBe(caller?.['call-id']);
    await lab.advance(200);
    const [again] = (await house.struct('dlg.list_ctx')).legs as RpcStruct[];
    expect((again?.rtp as RpcStruct).received).toBeGreaterThan(5);
    expect((await house.struct('dlg.list_match_ctx', 'turi', 'sw', 'sip:')).bridge).toBe(1);
  });

  test('with context show a conference and who hung up', async ({ lab }) => {
    const tandem = await lab.serve(async (call, own) => {
      await own.conference('room').add(call);
      await call.ended;
    });
    const house = new House(lab, tandem);
    const [one, two] = [lab.phone('one'), lab.phone('two')];
    await one.dial('1');
    await two.dial('1');
    await lab.advance(10);
    const structs = (await house.values('dlg.list_ctx')) as RpcStruct[];
    expect(structs.map(({ conference, bridge }) => [conference, bridge])).toEqual([
      ['room', 1],
      ['room', 1],
    ]);
    await house.kamcmd(`dlg.mute ${house.id} caller`);
    expect(tandem.conference('room').members.filter(({ muted }) => muted)).toHaveLength(1);
    await house.kamcmd(`dlg.mute ${house.id} caller 0`);
    expect(tandem.conference('room').members.filter(({ muted }) => muted)).toHaveLength(0);
  });
});

describe('one call', () => {
  test('is named by either leg, its tags in either order, and by its Call-ID alone', async ({ lab }) => {
    const { house, alice, bob } = await connected(lab);
    const { callId, sides, sessions } = house.record;
    const [from, to] = [sides.caller?.tag ?? '', sides.callee?.tag ?? ''];
    const other = sessions[1]?.signalling;
    const names = [
      [callId, from, to],
      [callId, to, from],
      [callId],
      [other?.callId ?? '', other?.local.tag ?? '', other?.remote.tag ?? ''],
      [other?.callId ?? ''],
    ];
    for (const name of names) expect(await house.kamcmd(`dlg.is_alive ${name.join(' ')}`)).toBe('Alive\n');
    expect(await house.kamcmd(`dlg.is_alive ${callId} ${from} wrong`)).toBe('error: 404 - Dialog not found\n');
    expect(await house.kamcmd(`dlg.is_alive ${alice.uri}`)).toBe('error: 404 - Dialog not found\n');
    expect(await house.values('dlg.dlg_list', callId, from)).toHaveLength(1);
    expect(await house.values('dlg.dlg_list', callId, 'wrong')).toHaveLength(0);
    expect(await house.kamcmd(`dlg.terminate_dlg ${names[3]?.join(' ')}`)).toBe('');
    await alice.ends();
    await bob.ends();
    expect(await house.kamcmd(`dlg.is_alive ${names[0]?.join(' ')}`)).toBe('error: 404 - Dialog not found\n');
  });

  test('is found by the tag of its caller alone while its callee has none', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    alice.invite('1003');
    await bob.rings();
    const { callId, sides } = house.record;
    const early = 'error: 500 - Dialog not in confirmed state\n';
    for (const tags of [`${sides.caller?.tag} x`, `x ${sides.caller?.tag}`])
      expect(await house.kamcmd(`dlg.is_alive ${callId} ${tags}`)).toBe(early);
    expect(await house.kamcmd(`dlg.is_alive ${callId} x y`)).toBe('error: 404 - Dialog not found\n');
  });

  test('is ended by its number, for both, with headers more', async ({ lab }) => {
    const { house, alice, bob } = await connected(lab);
    const { id } = house;
    const [hEntry = 0, hId = 0] = id.split(' ').map(Number);
    await expect(house.values('dlg.end_dlg', hEntry, hId, 'nonsense')).rejects.toThrow('Invalid parameters');
    await expect(house.values('dlg.end_dlg', hEntry, hId, 'X A: b')).rejects.toThrow();
    expect(await house.kamcmd('dlg.stats_active')).toContain('ongoing: 1');
    expect(await house.values('dlg.end_dlg', hEntry, hId, 'X-A: b\r\nX-C: d')).toEqual([]);
    for (const phone of [alice, bob]) {
      const bye = await phone.ends();
      expect([bye?.what, bye?.header('x-a'), bye?.header('x-c')]).toEqual(['BYE', 'b', 'd']);
    }
    expect(await house.kamcmd('dlg.list')).toBe('');
    expect(await house.kamcmd(`dlg.end_dlg ${id}`)).toBe('error: 404 - Dialog not found\n');
    expect(house.log).toContainEqual(expect.objectContaining({ message: 'command', level: 'info' }));
  });

  test('is refused to its caller and cancelled to its callee when it is ended before the answer', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    alice.invite('1003');
    await bob.rings();
    expect(await house.kamcmd(`dlg.end_dlg ${house.id}`)).toBe('');
    expect((await alice.ends())?.status).toBe(480);
    expect((await bob.ends())?.what).toBe('CANCEL');
  });

  test('does not hold up who ended it when a peer is gone', async ({ lab }) => {
    const { house, alice } = await connected(lab);
    alice.vanish();
    const before = lab.clock.now();
    await house.kamcmd(`dlg.end_dlg ${house.id}`);
    expect(lab.clock.now() - before).toBe(500);
    expect(await house.kamcmd('dlg.list')).toContain('state: 5');
    expect(await house.kamcmd(`dlg.end_dlg ${house.id}`)).toBe('error: 404 - Dialog not found\n');
  });

  test('is set to a state without a word to anybody', async ({ lab }) => {
    const { house, alice } = await connected(lab);
    const { callId, sides, startTs } = house.record;
    const name = `${callId} ${sides.caller?.tag} ${sides.callee?.tag}`;
    await lab.advance(3000);
    expect(await house.kamcmd(`dlg.set_state ${name} 6`)).toBe('error: 500 - Invalid state value\n');
    expect(await house.kamcmd(`dlg.set_state ${name} 3`)).toBe('Done\n');
    expect(house.record.startTs).toBe(startTs);
    expect(await house.kamcmd('dlg.stats_active')).toContain('answering: 1');
    expect(await house.kamcmd(`dlg.set_state ${name} 5`)).toBe('Done\n');
    expect(await house.kamcmd('stats.get_statistics active_dialogs')).toBe('dialog:active_dialogs = 0\n');
    expect(alice.call?.state).toBe('up');
  });
});

describe('two addresses', () => {
  test('are bridged by REFER, whose outcome is logged', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    for (const phone of [alice, bob]) phone.onCall = { answerAfterMs: 100 };
    expect(await house.kamcmd(`dlg.bridge_dlg ${alice.uri} ${bob.uri} .`)).toBe('');
    await bob.isUp();
    expect(bob.call?.invite.header('from')).toContain('alice');
    await lab.advance(1000);
    expect(alice.received.find(({ what }) => what === 'REFER')?.header('refer-to')).toContain(bob.uri);
    expect(house.log).toContainEqual(expect.objectContaining({ message: 'bridged two addresses', level: 'info' }));
    await bob.hangup();
  });

  test('are called and connected here by `call`', async ({ lab }) => {
    const { house, alice, bob } = await openHouse(lab);
    for (const phone of [alice, bob]) phone.onCall = { answerAfterMs: 100 };
    expect(await house.kamcmd(`dlg.bridge_dlg ${alice.uri} ${bob.uri} . . call`)).toBe('');
    await bob.isUp();
    await lab.advance(100);
    expect(house.log).toContainEqual(expect.objectContaining({ message: 'bridged two addresses' }));
    await bob.hangup();
    await alice.ends();
  });

  test('that are none, a proxy that is none, and an unknown way are refused', async ({ lab }) => {
    const { house } = await openHouse(lab);
    for (const words of ['a b', 'sip:a@x', 'sip:a@x sip:b@x nowhere', 'sip:a@x sip:b@x . . magic'])
      expect(await house.kamcmd(`dlg.bridge_dlg ${words}`)).toBe('error: 500 - Invalid parameters\n');
  });
});

test('a Tandem without profiles has none to list', async ({ lab }) => {
  const house = new House(lab, await lab.serve(async (call) => call.answer()));
  expect(await house.values('dlg.profiles')).toEqual([]);
  expect(await house.kamcmd('dlg.profile_list caller')).toBe('error: 404 - Profile not found: caller\n');
});
