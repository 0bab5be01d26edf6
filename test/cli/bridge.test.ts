import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { channel, decodeUlaw, readWav } from '../helpers/audio.ts';
import { RunningTandem, TemporaryFolder } from '../helpers/cli.ts';
import { first, RawPhone } from '../helpers/raw-phone.ts';

class Bridged implements AsyncDisposable {
  readonly first: RawPhone;
  readonly second: RawPhone;
  tandem!: RunningTandem;

  private constructor(a: RawPhone, b: RawPhone) {
    this.first = a;
    this.second = b;
  }

  static async open(): Promise<Bridged> {
    return new Bridged(await RawPhone.open(), await RawPhone.open());
  }

  start(...options: string[]): RunningTandem {
    const uri = (phone: RawPhone): string => `sip:phone@127.0.0.1:${phone.sipPort}`;
    this.tandem = new RunningTandem(['bridge', uri(this.first), uri(this.second), ...options]);
    return this.tandem;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tandem[Symbol.asyncDispose]();
    this.first.close();
    this.second.close();
  }
}

const frames = (count: number, seed: number): Buffer[] =>
  Array.from({ length: count }, (_, n) =>
    Buffer.from(Array.from({ length: 160 }, (_, i) => (n * seed + i * 5) & 0xff)),
  );

describe('tandem bridge', () => {
  it('connects two phones: audio byte for byte and digits, both ways', async () => {
    await using it = await Bridged.open();
    const tandem = it.start();
    await tandem.prints(/bridged/);
    const [fromFirst, fromSecond] = [frames(25, 7), frames(25, 11)];
    const before = [it.first.packets.length, it.second.packets.length] as const;
    await Promise.all([it.first.speak(fromFirst), it.second.speak(fromSecond)]);
    await it.second.hears(before[1] + 25, undefined);
    await it.first.hears(before[0] + 25, undefined);
    const last = (phone: RawPhone) => phone.packets.slice(-25).map(({ payload }) => payload.toString('hex'));
    expect(last(it.second)).toEqual(fromFirst.map((frame) => frame.toString('hex')));
    expect(last(it.first)).toEqual(fromSecond.map((frame) => frame.toString('hex')));

    await it.first.press('5');
    const [event] = await it.second.hears(1, 101);
    expect(event?.payload[0]).toBe(5);

    await it.first.bye();
    await it.second.nextRequest('BYE');
    const { status, stdout, stderr } = await tandem.result;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^first: calling [\s\S]*first: answered \(PCMU\)\nsecond: calling [\s\S]*second: answered \(PCMU\)\nbridged\nfirst: hung up\n$/,
    );
  });

  it('ends the first when the second hangs up, and both on Ctrl-C', async () => {
    await using one = await Bridged.open();
    await one.start().prints(/bridged/);
    await one.second.bye();
    await one.first.nextRequest('BYE');
    expect((await one.tandem.result).status).toBe(0);

    await using two = await Bridged.open();
    await two.start().prints(/bridged/);
    two.tandem.child.kill('SIGINT');
    await Promise.all([two.first.nextRequest('BYE'), two.second.nextRequest('BYE')]);
    expect((await two.tandem.result).status).toBe(0);
  });

  it('plays ringback to the first while the second rings', async () => {
    await using it = await Bridged.open();
    it.second.plan = { provisional: [{ status: '180 Ringing' }], ringMs: 1000, final: '200 OK' };
    const tandem = it.start();
    await tandem.prints(/second: 180 Ringing/);
    const heard = decodeUlaw(Buffer.concat((await it.first.hears(20, 0)).map(({ payload }) => payload)));
    expect(Math.max(...heard)).toBeGreaterThan(1000);
    await tandem.prints(/bridged/);
    await it.second.bye();
    await tandem.result;
  });

  it("passes the second's early media instead, where there is some", async () => {
    await using it = await Bridged.open();
    it.second.plan = { provisional: [{ status: '183 Session Progress', sdp: true }], ringMs: 1500, final: '200 OK' };
    const tandem = it.start();
    await tandem.prints(/second: 183/);
    const early = frames(40, 13);
    await it.second.speak(early);
    const known = new Set(early.map((frame) => frame.toString('hex')));
    expect(it.first.packets.filter(({ payload }) => known.has(payload.toString('hex'))).length).toBeGreaterThan(20);
    expect(tandem.printed).not.toContain('second: answered');
    await tandem.prints(/bridged/);
    await it.second.bye();
    await tandem.result;
  });

  it('ends the first with the cause of a refused second', async () => {
    await using it = await Bridged.open();
    it.second.plan = { provisional: [{ status: '180 Ringing' }], final: '486 Busy Here' };
    const tandem = it.start();
    const bye = await it.first.nextRequest('BYE');
    expect(first(bye, 'reason')).toBe('SIP;cause=486;text="Busy Here"');
    const { status, stderr } = await tandem.result;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tandem: second: [^\n]*486 Busy Here[^\n]*\n$/);
  });

  it('calls nobody else when the first refuses', async () => {
    await using it = await Bridged.open();
    it.first.plan = { final: '603 Decline' };
    const { status, stderr } = await it.start().result;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tandem: first: [^\n]*603 Decline[^\n]*\n$/);
    expect(it.second.received).toEqual([]);
  });

  it('cancels the second when the first hangs up meanwhile', async () => {
    await using it = await Bridged.open();
    it.second.plan = { provisional: [{ status: '180 Ringing' }] };
    const tandem = it.start();
    await tandem.prints(/second: 180 Ringing/);
    await it.first.bye();
    await it.second.nextRequest('CANCEL');
    const { status, stderr } = await tandem.result;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tandem: first: [^\n]+\n$/);
  });

  it('refuses legs that speak different codecs', async () => {
    await using it = await Bridged.open();
    it.second.plan = { final: '200 OK', sdp: (phone) => phone.sdp({ payloadType: 8, name: 'PCMA' }) };
    const { status, stderr } = await it.start().result;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^tandem: second: [^\n]+\n$/);
  });

  it('records both sides, the first left and the second right', async () => {
    using folder = new TemporaryFolder();
    await using it = await Bridged.open();
    const tandem = it.start('--record', folder.file('both.wav'));
    await tandem.prints(/bridged/);
    const loud = Buffer.alloc(160, 0x10);
    const quiet = Buffer.alloc(160, 0xff);
    await Promise.all([
      it.first.speak(Array.from({ length: 40 }, () => loud)),
      it.second.speak(Array.from({ length: 40 }, () => quiet)),
    ]);
    await it.first.bye();
    await tandem.result;
    const { samples, channels } = readWav(readFileSync(folder.file('both.wav')));
    expect(channels).toBe(2);
    const loudest = (index: number): number => Math.max(...channel(samples, channels, index).map(Math.abs));
    expect(loudest(0)).toBeGreaterThan(10_000);
    expect(loudest(1)).toBeLessThan(100);
  });
});
