import { expect, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { dialogEventNames } from '../../src/control/events/dialogs.ts';
import { EventLog } from '../../src/control/events/log.ts';
import { eventSchemas } from '../../src/control/events/schemas.ts';
import { logEvents } from '../../src/control/events/sources.ts';
import { callCommands } from '../../src/control/remote/params.ts';
import { rpcJsonSchema } from '../../src/control/schema.ts';
import { Lab } from '../../src/testing/index.ts';
import { openServer, TestSubject } from './http/support.ts';
import { Desktop } from './remote/controller.ts';

test('what calls, their registry and remote control tell is as the schemas say', async () => {
  await using lab = new Lab();
  const tandem = await lab.serve(async (call) => {
    await tandem.park(call, { name: 'front' });
  });
  const desktop = new Desktop(lab, tandem);
  const log = new EventLog(lab.clock);
  const { registry } = tandem;
  const end = logEvents({ tandem, registry, remote: desktop.remote }, log, createLogger('silent'));
  const alice = lab.phone('alice');
  alice.invite('100');
  await lab.until(() => tandem.parking.calls.length > 0);
  const call = tandem.parking.calls[0]?.call.id ?? '';
  const controller = desktop.connect();
  await controller.ask('answer', { call });
  await controller.ask('say', { call, text: 'good morning' });
  await controller.ask('conference', { call, name: 'room' });
  await alice.press('1');
  await controller.ask('hold', { call });
  await expect(controller.ask('play', { call, file: 'nothing.wav' })).rejects.toThrow();
  await alice.hangup();
  await lab.advance(1_000);
  end();
  const events = log
    .read(log.beginning, 1000)
    .events.map(({ json }) => JSON.parse(json) as { event: string; data: unknown });
  const wrong = events.filter(({ event, data }) => !eventSchemas[event]?.safeParse(data).success);
  expect(wrong.map((one) => ({ ...one, why: eventSchemas[one.event]?.safeParse(one.data).error?.message }))).toEqual(
    [],
  );
  expect(new Set(events.map(({ event }) => event))).toEqual(
    new Set([
      ...['call:created', 'call:early', 'call:parked', 'call:taken', 'call:answered', 'call:confirmed'],
      ...['call:held', 'call:unparked', 'call:ended', 'conference:joined', 'conference:left', 'conference:ended'],
      ...['media:started', 'media:dtmf', 'media:stats', 'operation:done', 'operation:failed'],
      ...['dialog:created', 'dialog:early', 'dialog:confirmedNa', 'dialog:confirmed', 'dialog:start', 'dialog:end'],
      ...['dialog:terminated', 'dialog:terminatedConfirmed', 'dialog:destroyed'],
      'dialog:responseForwarded',
    ]),
  );
});

test('every event of the registry has a schema', () => {
  expect(Object.keys(eventSchemas)).toEqual(
    expect.arrayContaining([...Object.values(dialogEventNames), 'dialog:failed']),
  );
});

test('/schema.json has the parameters of every command that is there, and every event', async () => {
  await using lab = new Lab();
  const subject = new TestSubject(...new Desktop(lab, lab.newTandem()).remote.methods);
  await using server = await openServer(subject);
  const served = (await (await fetch(`${server.base}/schema.json`)).json()) as {
    methods: Record<string, { params: { properties: object; required?: string[]; additionalProperties: boolean } }>;
    events: object;
  };
  const { 'ctl.http': place, ...methods } = served.methods;
  expect(place).toMatchObject({ changes: false, params: { type: 'array' } });
  expect({ ...served, methods }).toEqual(JSON.parse(JSON.stringify(rpcJsonSchema())));
  expect(Object.keys(methods).sort()).toEqual(Object.keys(callCommands).sort());
  expect(served.methods['call.bridge']?.params).toMatchObject({
    additionalProperties: false,
    required: ['call', 'with'],
    properties: { call: { type: 'string', maxLength: 256 }, transcode: { type: 'boolean', default: true } },
  });
  expect(Object.keys(served.events)).toEqual(Object.keys(eventSchemas));
});
