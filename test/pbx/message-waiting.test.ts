import fc from 'fast-check';
import { describe } from 'vitest';
import type { VoicemailOptions } from '../../src/pbx/voicemail/options.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab, LabTandemOptions, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { Watcher } from '../helpers/watcher.ts';
import { ask, register, serveUsers } from './phones.ts';

async function serveBox(
  lab: Lab,
  options: Partial<VoicemailOptions> = {},
  more: LabTandemOptions = {},
): Promise<Tandem> {
  const tandem = await serveUsers(
    lab,
    async (call, house) => {
      await house.voicemail(call.toUser ?? '').record(call);
    },
    more,
  );
  tandem.voicemail('5001', { folder: 'vm', ...options });
  return tandem;
}

async function leave(lab: Lab, name: string): Promise<void> {
  const alice = lab.phone(name);
  await alice.dial('5001');
  await alice.hears('vm-greeting.wav');
  await lab.advance(600);
  await alice.say('goodbye.wav');
  await alice.press('#');
  await alice.hears('vm-kept.wav');
  await alice.ends();
}

const summary = [
  ['Event', 'message-summary'],
  ['Expires', '600'],
  ['Accept', 'application/simple-message-summary'],
] as const;

/** What the phone was told: of each NOTIFY the line with the numbers. */
const told = (phone: Phone): (string | undefined)[] =>
  phone.received
    .filter(({ method, headers }) => method === 'NOTIFY' && headers.length > 0)
    .map(({ body }) => numbersIn(body));

const numbersIn = (body = ''): string | undefined => /Voice-Message: (.*)/.exec(body)?.[1]?.trim();

const stored = JSON.stringify({ version: 1, at: 1_700_000_000_000, durationMs: 2000, callId: 'x', state: 'new' });

describe('who subscribed to a mailbox', () => {
  test('is told at once how many messages wait, and of each change', async ({ lab }) => {
    const tandem = await lab.serve(async (call) => {
      await tandem.voicemail('5001').record(call);
    });
    const box = tandem.voicemail('5001', { folder: 'vm' });
    const bob = new Watcher(lab, '5001');
    const told = (): string | undefined => numbersIn(bob.notifies.at(-1)?.body);
    expect((await bob.subscribe(['Expires: 600'], 'Event: message-summary')).status).toBe(200);
    expect(told()).toBe('0/0 (0/0)');
    await leave(lab, 'alice');
    const notify = bob.notifies.at(-1);
    expect(notify?.header('event')).toBe('message-summary');
    expect(notify?.header('content-type')).toBe('application/simple-message-summary');
    expect(notify?.header('subscription-state')).toMatch(/^active;expires=\d+$/);
    expect(notify?.body).toBe(
      'Messages-Waiting: yes\r\nMessage-Account: sip:5001@10.0.0.1\r\nVoice-Message: 1/0 (0/0)\r\n',
    );
    const [message] = await box.messages();
    await box.mark(message?.id ?? '', 'saved');
    await lab.advance(100);
    expect(told()).toBe('0/1 (0/0)');
    await box.delete(message?.id ?? '');
    await lab.advance(100);
    expect(told()).toBe('0/0 (0/0)');
    await lab.run(tandem.close());
    expect(bob.states.at(-1)).toBe('terminated;reason=deactivated');
    bob.close();
  });

  test('is told of the messages of an earlier process', async ({ lab }) => {
    lab.files.set('vm/5001/1700000000000-00000000.json', Buffer.from(stored));
    const tandem = await lab.serve(() => {});
    tandem.voicemail('5001', { folder: 'vm' });
    const bob = new Watcher(lab, '5001');
    await bob.subscribe(['Expires: 600'], 'Event: message-summary');
    expect(numbersIn(bob.notifies.at(-1)?.body)).toBe('1/0 (0/0)');
    await lab.run(tandem.close());
    bob.close();
  });

  test('has to show a password, and to be its owner', async ({ lab }) => {
    await serveBox(lab);
    const [bob, eve] = [lab.phone('5001'), lab.phone('eve')];
    expect((await eve.ask('SUBSCRIBE', 'sip:5001@10.0.0.1', { headers: summary })).status).toBe(401);
    expect((await ask(eve, 'SUBSCRIBE', 'sip:5001@10.0.0.1', summary)).status).toBe(403);
    expect((await ask(eve, 'SUBSCRIBE', 'sip:9999@10.0.0.1', summary)).status).toBe(403);
    expect((await ask(bob, 'SUBSCRIBE', 'sip:5001@10.0.0.1', [['Event', 'presence']])).status).toBe(489);
    expect((await ask(bob, 'SUBSCRIBE', 'sip:5001@10.0.0.1', [['Event', 'dialog']])).status).toBe(489);
  });

  test('finds no mailbox where there is none, or none that tells', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    const eve = lab.phone('eve');
    const subscribe = async (user: string) =>
      (await eve.ask('SUBSCRIBE', `sip:${user}@10.0.0.1`, { headers: summary })).status;
    expect(await subscribe('5001')).toBe(405);
    tandem.voicemail('5001', { folder: 'vm', notify: false });
    tandem.voicemail('5002', { folder: 'vm' });
    expect(await subscribe('5001')).toBe(404);
    expect(await subscribe('5003')).toBe(404);
    expect(await subscribe('5002')).toBe(200);
    await lab.run(tandem.close());
  });

  test('gets a defined answer, whatever it writes', async ({ lab }) => {
    const tandem = await lab.serve(() => {});
    tandem.voicemail('5001', { folder: 'vm' });
    const random = lab.random('headers');
    const pick = (list: readonly string[]): string => list[random.uint32() % list.length] as string;
    const text = (): string => fc.sample(fc.string(), { numRuns: 1, seed: random.uint32() | 0 })[0]?.trim() ?? '';
    const bob = new Watcher(lab, '5001');
    const seen = new Set<number>();
    for (let i = 0; i < 300; i++) {
      const headers = [
        `Expires: ${pick(['600', '0', '-1', '99999999999', '1e3', '', text()])}`,
        `Accept: ${pick(['*/*', 'application/simple-message-summary', 'text/plain', ',,', text()])}`,
        `Contact: ${pick(['<sip:5001@10.0.9.1>', '*', '<>', 'sip:a@b;;', text()])}`,
      ];
      const event = `Event: ${pick(['message-summary', 'message-summary;id=1', 'MESSAGE-SUMMARY', 'dialog', ';', text()])}`;
      const before = bob.received.length;
      await bob.subscribe(headers, event).catch(() => {});
      for (const { status } of bob.received.slice(before)) seen.add(status);
    }
    for (const status of seen) expect([0, 200, 400, 406, 423, 481, 489]).toContain(status);
    expect(seen).toContain(200);
    expect(seen).toContain(489);
    await lab.run(tandem.close());
    bob.close();
  });

  test('is told beside those who look who is on the phone', async ({ lab }) => {
    const tandem = await serveBox(lab, {}, { dialogEvents: true });
    const bob = lab.phone('5001');
    expect((await ask(bob, 'SUBSCRIBE', 'sip:5001@10.0.0.1', [['Event', 'dialog']])).status).toBe(200);
    const options = await bob.ask('OPTIONS', 'sip:10.0.0.1');
    expect(options.header('allow-events')).toBe('refer, dialog, message-summary');
    await lab.run(tandem.close());
  });
});

describe('a phone that is to be told without having asked', () => {
  test('is told when it registers, and of each change', async ({ lab }) => {
    await serveBox(lab, { notify: 'unsolicited' });
    const bob = lab.phone('5001');
    await register(bob);
    await lab.advance(100);
    expect(told(bob)).toEqual(['0/0 (0/0)']);
    await leave(lab, 'alice');
    expect(told(bob)).toEqual(['0/0 (0/0)', '1/0 (0/0)']);
    await register(bob, 0);
    await leave(lab, 'carol');
    expect(told(bob)).toHaveLength(2);
  });

  test('gets one NOTIFY at a time, the last with the newest numbers', async ({ lab }) => {
    const tandem = await serveBox(lab, { notify: 'unsolicited' });
    const bob = lab.phone('5001');
    await register(bob);
    await lab.advance(100);
    const box = tandem.voicemail('5001');
    await leave(lab, 'alice');
    const [message] = await box.messages();
    bob.vanish();
    for (const state of ['saved', 'new', 'saved', 'new', 'saved'] as const) await box.mark(message?.id ?? '', state);
    await lab.advance(5000);
    bob.comeBack();
    await lab.advance(60_000);
    expect(told(bob).at(-1)).toBe('0/1 (0/0)');
  });
});
