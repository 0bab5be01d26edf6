import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '../../helpers/lab.ts';
import { connected, House, openHouse, registryOptions } from './house.ts';

test('the time of a call is set, and ends it', async ({ lab }) => {
  const { house, alice, bob } = await connected(lab, { registry: { ...registryOptions, sendBye: true } });
  expect(await house.kamcmd(`dlg.set_timeout ${house.id} 30`)).toBe('');
  expect(house.record.lifetime).toBe(30);
  expect(await house.kamcmd(`dlg.set_timeout ${house.id} soon`)).toContain('error: 400');
  expect(await house.kamcmd(`dlg.set_timeout ${house.id} -1`)).toContain('error: 500');
  await alice.ends();
  await bob.ends();
  expect(lab.clock.now()).toBeGreaterThan(29_000);
  expect(await house.kamcmd('stats.get_statistics expired_dialogs')).toBe('dialog:expired_dialogs = 1\n');
});

test('variables are read, set and taken away', async ({ lab }) => {
  const { house } = await connected(lab);
  expect(await house.kamcmd(`dlg.get_var ${house.id} gw`)).toBe('gw1\n');
  expect(await house.kamcmd(`dlg.set_var ${house.id} gw gw2`)).toBe('');
  expect(await house.kamcmd(`dlg.set_var ${house.id} number 0049`)).toBe('');
  expect([...house.record.variables]).toEqual([
    ['customer', 'acme'],
    ['gw', 'gw2'],
    ['number', '0049'],
  ]);
  expect(await house.kamcmd(`dlg.set_var ${house.id} gw`)).toBe('');
  expect(await house.kamcmd(`dlg.get_var ${house.id} gw`)).toBe('error: 404 - Variable not found\n');
  expect(await house.kamcmd(`dlg.get_var ${house.id}`)).toContain('error: 400');
});

test('a side is asked to call somebody else', async ({ lab }) => {
  const { house, alice, bob } = await connected(lab);
  const carol = lab.phone('carol');
  carol.onCall = { answerAfterMs: 100 };
  expect(await house.kamcmd(`dlg.refer ${house.id} all ${carol.uri}`)).toBe('error: 500 - Invalid parameters\n');
  expect(await house.kamcmd(`dlg.refer ${house.id} caller ${carol.uri}`)).toBe('{\n\tstatus: 200\n\treason: OK\n}\n');
  expect(carol.call?.invite.header('from')).toContain('alice');
  expect(alice.received.map(({ what }) => what)).toContain('REFER');
  await bob.ends();
  await carol.hangup();
});

test('sides are put on hold and taken off', async ({ lab }) => {
  const { house } = await connected(lab);
  const held = (): (string | undefined)[] => house.record.sessions.map((leg) => leg.held);
  expect(await house.kamcmd(`dlg.hold ${house.id} callee`)).toBe('');
  expect(held()).toEqual([undefined, 'local']);
  expect(await house.kamcmd(`dlg.hold ${house.id}`)).toBe('');
  expect(held()).toEqual(['local', 'local']);
  expect(await house.kamcmd(`dlg.unhold ${house.id}`)).toBe('');
  expect(held()).toEqual([undefined, undefined]);
  expect(await house.kamcmd(`dlg.hold ${house.id} both`)).toBe(
    'error: 500 - a side is caller, callee or all, not both\n',
  );
  expect(await house.kamcmd('dlg.hold 1 1')).toBe('error: 404 - Dialog not found\n');
});

test('nothing is done with a call that is not up', async ({ lab }) => {
  const { house, alice, bob } = await openHouse(lab);
  alice.invite('1003');
  await bob.rings();
  for (const command of ['hold', 'unhold', 'mute', 'play'])
    expect(await house.kamcmd(`dlg.${command} ${house.id} ${command === 'play' ? 'welcome.wav' : ''}`.trim())).toBe(
      'error: 500 - Dialog not in confirmed state\n',
    );
});

test('a sound is played, and a file that is none is told of', async ({ lab }) => {
  const tandem = await lab.serve(async (call) => {
    await call.answer();
    await call.ended;
  });
  const house = new House(lab, tandem);
  const alice = lab.phone('alice');
  await alice.dial('1');
  await lab.advance(10);
  const prompt = new URL('../../../prompts/goodbye.wav', import.meta.url).pathname;
  expect(await house.kamcmd(`dlg.play ${house.id} none.wav`)).toContain('error: 500 - ');
  expect(await house.kamcmd(`dlg.play ${house.id} /etc/passwd`)).toContain('is not below the folder of sounds');
  expect(await house.kamcmd(`dlg.hold ${house.id} all ../music.wav`)).toContain('is not below the folder of sounds');
  expect(await house.kamcmd(`dlg.play ${house.id} ${prompt} caller`)).toBe('');
  await alice.hears('goodbye.wav');
});

test('a call is recorded below the folder, once at a time', async ({ lab }) => {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-record-'));
  try {
    const { house } = await connected(lab, { writeFolder: folder });
    expect(await house.kamcmd(`dlg.record ${house.id} start ../a.wav`)).toContain('is not below');
    expect(await house.kamcmd(`dlg.record ${house.id} start a.wav`)).toBe('');
    expect(await house.kamcmd(`dlg.record ${house.id} start b.wav`)).toContain('being recorded already');
    await lab.advance(1000);
    expect(await house.kamcmd(`dlg.record ${house.id} stop`)).toBe('');
    expect((await lab.files.stat(join(folder, 'a.wav'))).size).toBeGreaterThan(16_000);
    expect(await house.kamcmd(`dlg.record ${house.id} stop`)).toBe('error: 404 - Recording not found\n');
    expect(await house.kamcmd(`dlg.record ${house.id} erase`)).toContain('error: 500');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a side is heard no more, and again', async ({ lab }) => {
  const { house, alice } = await connected(lab);
  expect(await house.kamcmd(`dlg.mute ${house.id} caller`)).toBe('');
  expect(alice.received.findLast(({ what }) => what === 'INVITE')?.body).toContain('a=sendonly');
  expect(await house.kamcmd(`dlg.mute ${house.id} caller 0`)).toBe('');
  expect(house.record.sessions.map((leg) => leg.held)).toEqual([undefined, undefined]);
});
