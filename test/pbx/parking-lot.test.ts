import { describe } from 'vitest';
import type { ParkInLotOptions, ParkingLotOptions, ParkingResult } from '../../src/pbx/parking-lot.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type LabTandemOptions, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { registered, serveUsers } from './phones.ts';

interface House {
  readonly tandem: Tandem;
  readonly results: ParkingResult[];
  readonly told: string[];
}

/** A server where 700 parks, the slots fetch, and any other number is a user. */
async function serveLot(
  lab: Lab,
  options: Partial<ParkingLotOptions> = {},
  park: ParkInLotOptions = {},
  more: LabTandemOptions = {},
): Promise<House> {
  const results: ParkingResult[] = [];
  const told: string[] = [];
  const tandem = await serveUsers(
    lab,
    async (call, house) => {
      const lot = house.parkingLot('main');
      const number = call.toUser ?? '';
      if (number === '700') results.push(await lot.park(call, park));
      else if (lot.has(Number(number))) await lot.retrieve(Number(number), call);
      else {
        const leg = await call.invite(house.registrar?.lookup(number) ?? []);
        await using bridge = await house.bridge(call, leg);
        await bridge.ended;
      }
    },
    more,
  );
  tandem.parkingLot('main', { slots: { first: 701, last: 703 }, ...options });
  tandem.observer.on('parking:parked', ({ slot, parker }) => void told.push(`parked ${slot} by ${parker}`));
  tandem.observer.on('parking:left', ({ slot, end }) => void told.push(`left ${slot} ${end}`));
  return { tandem, results, told };
}

describe('a parking lot', () => {
  test('says the slot, plays music, and gives the call to who fetches it', async ({ lab }) => {
    const { tandem, results, told } = await serveLot(lab);
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await alice.dial('700');
    await alice.hears('parking-slot.wav');
    for (const digit of '701') await alice.hears(`digits/${digit}.wav`);
    await alice.hears('music.wav', { ms: 2000 });
    expect(tandem.parkingLot('main').calls).toMatchObject([{ slot: 701, fromUser: 'alice', parker: undefined }]);
    await bob.dial('701');
    await Promise.all([alice.speak(sine(440)), bob.hearsTone(440)]);
    await Promise.all([bob.speak(sine(660)), alice.hearsTone(660)]);
    expect(tandem.parkingLot('main').calls).toEqual([]);
    await bob.hangup();
    await alice.ends();
    expect(results).toMatchObject([{ end: 'retrieved', slot: 701 }]);
    expect(results[0]?.parkedMs).toBeLessThan(10_000);
    expect(told).toEqual(['parked 701 by undefined', 'left 701 retrieved']);
  });

  test('gives each call a slot of its own, and a free one again', async ({ lab }) => {
    const { tandem, results } = await serveLot(lab);
    const phones = ['a', 'b', 'c', 'd'].map((name) => lab.phone(name));
    for (const phone of phones.slice(0, 3)) await phone.dial('700');
    expect(tandem.parkingLot('main').calls.map(({ slot, fromUser }) => [slot, fromUser])).toEqual([
      [701, 'a'],
      [702, 'b'],
      [703, 'c'],
    ]);
    phones[3]?.invite('700');
    expect((await phones[3]?.ends())?.status).toBe(480);
    expect(results).toEqual([{ end: 'full', parkedMs: 0 }]);
    await phones[1]?.hangup();
    await lab.until(() => results.length === 2);
    await phones[3]?.dial('700');
    expect(tandem.parkingLot('main').calls.map(({ fromUser }) => fromUser)).toEqual(['a', 'd', 'c']);
    for (const phone of phones) await phone.hangup();
  });

  test('gives a call to one of two who fetch it at once; the other gets 404', async ({ lab }) => {
    await serveLot(lab);
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    await alice.dial('700');
    await lab.advance(1000);
    bob.invite('701');
    carol.invite('701');
    await bob.isUp();
    expect((await carol.ends())?.status).toBe(404);
    await alice.hangup();
    await bob.ends();
    bob.invite('702');
    expect((await bob.ends())?.status).toBe(404);
  });

  test('calls who transferred it there when its time is up', async ({ lab }) => {
    const { told, results } = await serveLot(lab, { timeout: 10_000 }, {}, { transfer: 'execute' });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    bob.onCall = { answerAfterMs: 100 };
    await alice.dial('bob');
    await bob.isUp();
    await bob.transfer('sip:700@10.0.0.1');
    bob.onCall = {};
    await alice.hears('parking-slot.wav');
    await bob.rings({ within: 20_000 });
    await alice.hears('music.wav', { ms: 1000 });
    await bob.answer();
    await Promise.all([alice.speak(sine(440)), bob.hearsTone(440)]);
    await bob.hangup();
    await alice.ends();
    await lab.until(() => results.length === 1);
    expect(results).toMatchObject([{ end: 'returned', slot: 701 }]);
    expect(told).toEqual(['parked 701 by bob', 'left 701 returned']);
  });

  test('takes a call by an attended transfer: who transfers hears the slot, who is transferred the music', async ({
    lab,
  }) => {
    const { tandem, results } = await serveLot(lab, { timeout: 20_000 }, {}, { transfer: 'execute' });
    const [bob] = await registered(lab, 'bob');
    const alice = lab.phone('alice');
    bob.onCall = { answerAfterMs: 100 };
    await alice.dial('bob');
    await bob.isUp();
    const line = bob.anotherLine();
    await line.dial('700');
    await line.hears('parking-slot.wav');
    await line.hears('digits/7.wav');
    await line.hears('music.wav', { ms: 500 });
    expect(await bob.transfer(line)).toBe(200);
    await alice.hears('music.wav', { ms: 2000, within: 5000 });
    expect(tandem.parkingLot('main').calls).toMatchObject([{ slot: 701, fromUser: 'alice', parker: 'bob' }]);
    bob.onCall = {};
    await bob.rings({ within: 30_000 });
    await bob.answer();
    await Promise.all([alice.speak(sine(440)), bob.hearsTone(440)]);
    await bob.hangup();
    await alice.ends();
    await lab.until(() => results.length === 1);
    expect(results).toMatchObject([{ end: 'returned', slot: 701 }]);
  });

  test('can be fetched from while who parked it rings', async ({ lab }) => {
    const { results } = await serveLot(lab, { timeout: 2000 }, { parker: 'bob' });
    const [bob] = await registered(lab, 'bob');
    const [alice, carol] = [lab.phone('alice'), lab.phone('carol')];
    await alice.dial('700');
    await bob.rings();
    await carol.dial('701');
    expect((await bob.ends())?.what).toBe('CANCEL');
    await Promise.all([alice.speak(sine(440)), carol.hearsTone(440)]);
    await alice.hangup();
    await carol.ends();
    await lab.until(() => results.length === 1);
    expect(results).toMatchObject([{ end: 'retrieved' }]);
  });

  test.for([
    ['busy', { reject: 486 }],
    ['away', {}],
  ] as const)('lets a call go when who parked it is %s', async ([, plan], { lab }) => {
    const { results } = await serveLot(lab, { timeout: 2000, ringTime: 3000 }, { parker: 'bob' });
    const [bob] = await registered(lab, 'bob');
    bob.onCall = plan;
    const alice = lab.phone('alice');
    await alice.dial('700');
    await alice.ends({ within: 10_000 });
    expect(results).toMatchObject([{ end: 'timeout', slot: 701 }]);
  });

  test.for([
    ['nobody is known to have parked it', {}, {}],
    ['who parked it is not registered', {}, { parker: 'bob' }],
    ['it is not to be called back', { onTimeout: 'leave' }, { parker: 'sip:bob@nowhere' }],
  ] as const)('lets a call go after its time when %s', async ([, options, park], { lab }) => {
    const { results } = await serveLot(lab, { timeout: 5000, ...options }, park);
    const alice = lab.phone('alice');
    await alice.dial('700');
    await alice.ends({ within: 10_000 });
    expect(results).toEqual([{ end: 'timeout', slot: 701, parkedMs: expect.any(Number) }]);
    expect(results[0]?.parkedMs).toBeLessThan(5100);
  });

  test('keeps a call whose fetcher cannot be connected', async ({ lab }) => {
    const { tandem, results } = await serveLot(lab);
    const alice = lab.phone('alice');
    const carol = lab.phone('carol');
    await alice.dial('700');
    await lab.advance(1000);
    carol.invite('701', {
      sdp: (own) => own.replace('RTP/AVP 0 8', 'RTP/AVP 18').replace(/a=rtpmap:[08] .*\r\n/g, ''),
    });
    expect((await carol.ends())?.status).toBe(488);
    expect(tandem.parkingLot('main').calls).toHaveLength(1);
    await alice.hears('music.wav', { ms: 1000 });
    await alice.hangup();
    await lab.until(() => results.length === 1);
    expect(results).toMatchObject([{ end: 'abandoned' }]);
  });

  test('puts a call of an earlier process into the slot that it had', async ({ lab }) => {
    const { tandem } = await serveLot(lab);
    await tandem.serveBackground(async (call) => {
      call.variables.set('parking_lot', 'main');
      call.variables.set('parking_slot', '703');
      await tandem.parkingLot('main').park(call);
    });
    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    await alice.dial('700');
    await bob.dial('700');
    expect(tandem.parkingLot('main').calls.map(({ slot }) => slot)).toEqual([701, 703]);
    await alice.hangup();
    await bob.hangup();
  });

  test.for([
    [{ slots: { first: 710, last: 701 } }, 'slots.last is a whole number'],
    [{ slots: { first: 0, last: 5000 } }, 'slots.last is a whole number'],
    [{ slots: undefined }, 'slots.first is a whole number'],
    [{ timeout: 0 }, 'timeout is milliseconds, 1000 or more'],
    [{ onTimeout: 'drop' }, 'onTimeout is one of call-back, leave'],
  ] as const)('says what is wrong with %j', async ([options, message], { lab }) => {
    const all = { slots: { first: 701, last: 702 }, ...options };
    expect(() => lab.newTandem().parkingLot('main', all as never)).toThrow(message);
  });
});
