/**
 * One seed of the soak: calls of all kinds at once over a bad network, and what has to be true of each of them when
 * all are over.
 */

import type { DialogServerSession, Tandem } from '../../src/index.ts';
import { Lab, LabError, type Phone } from '../../src/testing/index.ts';
import { type Bridged, type Inbound, type Menu, type Outbound, type Plan, planOf } from './plan.ts';

export interface SoakOptions {
  /** Default 50. */
  readonly calls?: number;
  /** A failure shows the whole time line, every message in full; default: the calls it is about. */
  readonly full?: boolean;
}

export interface SoakReport {
  readonly calls: number;
  /** Virtual ms. */
  readonly virtualMs: number;
  readonly messages: number;
  readonly packets: number;
}

/** A call that nobody ends is given up by the server after so long. */
const patienceMs = 60_000;
const prompts = new URL('../../prompts/', import.meta.url);

/** @throws LabError with everything that is not as it should be */
export async function soak(seed: number, { calls = 50, full = false }: SoakOptions = {}): Promise<SoakReport> {
  const lab = new Lab({
    seed,
    sounds: prompts,
    network: { delayMs: 8, jitterMs: 12, loss: 0.05, reorder: 0.05, duplicate: 0.02, split: 0.2 },
  });
  const run = new Soak(lab, calls, full);
  await run.all();
  await lab.close();
  return run.report;
}

class Soak {
  readonly #lab: Lab;
  readonly #plans: readonly Plan[];
  readonly #full: boolean;
  readonly #wrong: string[] = [];
  #messages = 0;
  #packets = 0;
  #tandem: Tandem | undefined;
  #witness: DialogServerSession | undefined;

  constructor(lab: Lab, calls: number, full: boolean) {
    this.#lab = lab;
    this.#full = full;
    const random = lab.random('plans');
    this.#plans = Array.from({ length: calls }, (_, index) => planOf(random, index));
    const { onSight } = lab.network;
    lab.network.onSight = (sight) => {
      if (sight.traffic === 'sip') this.#messages++;
      else this.#packets++;
      onSight(sight);
    };
  }

  get report(): SoakReport {
    const { clock } = this.#lab;
    return {
      calls: this.#plans.length,
      virtualMs: clock.now(),
      messages: this.#messages,
      packets: this.#packets,
    };
  }

  async all(): Promise<void> {
    const lab = this.#lab;
    this.#tandem = await lab.serve((call) => this.#serve(call), { registry: { profilesNoValue: ['soak'] } });
    await lab.run(Promise.all(this.#plans.map((plan, index) => this.#guarded(plan, index))));
    const members = this.#witness?.profiles.size('soak') ?? 0;
    // Those that nobody ended are ended by the lab, and looked for by it.
    if (members > 0) await lab.advance(2 * patienceMs);
    const left = this.#witness?.profiles.size('soak') ?? 0;
    if (left > 0) this.#wrong.push(`${left} calls are still counted in a profile`);
    if (this.#wrong.length > 0) throw this.#failure();
  }

  /** Everything that is wrong, and the time line of the calls it is about. */
  #failure(): LabError {
    const { seed, timeLine } = this.#lab;
    const about = this.#wrong.slice(0, 3).flatMap((text) => {
      const name = /^p\d+/.exec(text)?.[0] ?? '';
      return [name, `${name}b`];
    });
    const lines = this.#wrong.map((text) => `  - ${text}`);
    const story = timeLine.toString(this.#full ? { full: true } : { about });
    return new LabError('ERR_SOAK', `seed ${seed}:\n${lines.join('\n')}\n\n${story}`);
  }

  /** What is wrong with one call is told with all the others. */
  async #guarded(plan: Plan, index: number): Promise<void> {
    const name = `p${index}`;
    try {
      await this.#lab.advance(plan.startMs);
      switch (plan.kind) {
        case 'inbound':
          return await this.#inbound(plan, name);
        case 'outbound':
          return await this.#outbound(plan, name);
        case 'bridged':
          return await this.#bridged(plan, name);
        case 'menu':
          return await this.#menu(plan, name);
      }
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      this.#wrong.push(`${name}: ${error.message.split('\n')[0]} (${JSON.stringify(plan)})`);
    }
  }

  #phone(name: string, plan: Plan): Phone {
    const phone = this.#lab.phone(name, { transport: plan.transport, talks: plan.kind === 'menu' });
    if (plan.twice) phone.misbehave({ copies: 2 });
    return phone;
  }

  /** A call that the phone did not hear the end of although it was there. */
  async #over(phone: Phone, plan: Plan): Promise<void> {
    const { call } = phone;
    const ended = await this.#lab.until(() => call?.state === 'over', 2 * patienceMs);
    const name = `${phone.name} (${JSON.stringify(plan)})`;
    if (!ended) this.#wrong.push(`${name}: never heard the end of its call`);
    else if (call?.endedBy === 'nobody') this.#wrong.push(`${name}: nobody answered it, or acknowledged its answer`);
  }

  // ---- what the phones do

  async #inbound(plan: Inbound, name: string): Promise<void> {
    const lab = this.#lab;
    const phone = this.#phone(name, plan);
    if (plan.ack !== 'sent') phone.misbehave({ ack: plan.ack === 'never' ? 'never' : { afterMs: 1200 } });
    if (plan.malformed) phone.misbehave({ sdp: () => 'v=0\r\nnonsense\r\n' });
    const call = phone.invite(name);
    if (plan.cancelMs !== undefined) {
      await lab.until(() => call.state !== 'calling', plan.cancelMs);
      if (call.state === 'calling') {
        await phone.cancel();
        return;
      }
    }
    await lab.until(() => call.state !== 'calling', patienceMs);
    if (call.state !== 'up') return this.#over(phone, plan);
    await this.#talk(phone, plan, async () => {
      if (plan.vanishes) phone.vanish();
      else if (plan.reInvite === 'phone' || plan.reInvite === 'both') await call.reInvite({ direction: 'sendonly' });
    });
    if (!plan.vanishes) await this.#over(phone, plan);
  }

  /** Half of the talk, what happens in the middle of it, and the other half. */
  async #talk(phone: Phone, plan: Plan, inTheMiddle: () => Promise<void>): Promise<void> {
    const { call } = phone;
    await this.#lab.until(() => call?.state === 'over', plan.talkMs / 2);
    if (call?.state === 'up') await this.#lab.run(inTheMiddle());
    await this.#lab.until(() => call?.state === 'over', plan.talkMs / 2);
    if (call?.state === 'up' && plan.ender !== 'server') await this.#lab.run(call.bye());
  }

  /** Who answers gets its ACK, however many are lost. */
  async #acknowledged(phone: Phone, plan: Plan): Promise<void> {
    const answered = (): boolean => phone.call?.status === 200 || phone.call?.state === 'over';
    await this.#lab.until(answered, patienceMs / 2);
    if (await this.#lab.until(() => phone.call?.state !== 'answered', 10_000)) return;
    if (phone.call?.status === 200)
      this.#wrong.push(`${phone.name} (${JSON.stringify(plan)}): its answer was never acknowledged`);
  }

  async #outbound(plan: Outbound, name: string): Promise<void> {
    const phone = this.#phone(name, plan);
    if (plan.phone === 'answers') phone.onCall = { answerAfterMs: plan.ringMs };
    if (plan.phone === 'rejects') phone.onCall = { reject: 486, rejectAfterMs: plan.ringMs };
    if (plan.phone === 'is gone') phone.vanish();
    const calling = this.#place(phone, plan);
    if (plan.phone === 'answers') {
      await this.#acknowledged(phone, plan);
      await this.#talk(phone, plan, async () => {});
    }
    await this.#lab.run(calling);
    if (plan.phone !== 'is gone' && phone.call) await this.#over(phone, plan);
  }

  async #place(phone: Phone, plan: Outbound): Promise<void> {
    const tandem = this.#tandem as Tandem;
    const timeout = plan.cancelMs ?? patienceMs / 4;
    const call = await tandem.invite(phone.uri, { timeout }).catch(() => undefined);
    if (!call) return;
    if (plan.ender === 'phone') await this.#pass(patienceMs, call.ended);
    else await this.#pass(plan.talkMs, call.ended);
    await call.close();
  }

  async #bridged(plan: Bridged, name: string): Promise<void> {
    const lab = this.#lab;
    const caller = this.#phone(name, plan);
    const callee = this.#phone(`${name}b`, plan);
    callee.onCall =
      plan.callee === 'rejects'
        ? { reject: 603, rejectAfterMs: plan.ringMs }
        : plan.callee === 'answers'
          ? { answerAfterMs: plan.ringMs }
          : {};
    const call = caller.invite(name);
    const cancelMs = plan.cancelMs ?? (plan.callee === 'rings' ? 5000 : undefined);
    if (cancelMs !== undefined) await lab.until(() => call.state !== 'calling', cancelMs);
    else await lab.until(() => call.state !== 'calling', patienceMs);
    if (call.state === 'calling') await caller.cancel();
    else if (call.state === 'up') {
      await this.#acknowledged(callee, plan);
      await this.#talk(plan.calleeEnds ? callee : caller, plan, async () => {});
    }
    await this.#over(caller, plan);
    if (callee.call) await this.#over(callee, plan);
  }

  async #menu(plan: Menu, name: string): Promise<void> {
    const phone = this.#phone(name, plan);
    await phone.dial(name);
    const lossy = { loss: 0.25, within: 5000 };
    await phone.hears('record.wav', lossy);
    await phone.press(`${plan.digits}#`, { durationMs: 120, gapMs: 80 });
    await phone.hears('goodbye.wav', lossy);
    await this.#over(phone, plan);
  }

  // ---- what the server does

  async #serve(call: DialogServerSession): Promise<void> {
    this.#witness ??= call;
    call.profiles.set('soak');
    const name = call.toUser ?? '';
    const plan = this.#plans[Number(name.slice(1))] as Plan;
    switch (plan.kind) {
      case 'inbound':
        return this.#handle(call, plan);
      case 'bridged':
        return this.#connect(call, name);
      case 'menu':
        return this.#ask(call, plan, name);
      case 'outbound':
        return call.reject(404);
    }
  }

  async #handle(call: DialogServerSession, plan: Inbound): Promise<void> {
    await call.ringing();
    await this.#pass(plan.ringMs, call.ended);
    call.signal.throwIfAborted();
    if (plan.server === 'rejects') return call.reject(486);
    if (plan.server === 'throws') throw new Error('on purpose');
    if (plan.server === 'returns') return;
    await call.answer();
    if (plan.server === 'answers and throws') throw new Error('on purpose');
    await this.#pass(plan.talkMs / 2, call.ended);
    if (plan.reInvite === 'server' || plan.reInvite === 'both') await call.hold().catch(() => {});
    await this.#pass(plan.ender === 'phone' ? patienceMs : plan.talkMs / 2, call.ended);
  }

  async #connect(call: DialogServerSession, name: string): Promise<void> {
    const callee = await call.invite(`sip:${name}b@${name}b`, { timeout: patienceMs / 4 });
    const bridge = await (this.#tandem as Tandem).bridge(call, callee);
    await this.#pass(patienceMs, bridge.ended);
  }

  async #ask(call: DialogServerSession, plan: Menu, name: string): Promise<void> {
    await call.answer();
    await call.playback().play(new URL('record.wav', prompts));
    const { digits, end } = await call.gather({ timeout: 10_000, interDigitTimeout: 10_000 });
    if (digits !== plan.digits || end !== 'terminator')
      this.#wrong.push(`${name}: pressed ${plan.digits}#, and the server got ${digits} (${end})`);
    await call.playback().play(new URL('goodbye.wav', prompts));
  }

  /** So much time, or until the call is over. */
  async #pass(ms: number, over: Promise<unknown>): Promise<void> {
    const { clock } = this.#lab;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(ms, resolve, 'soak');
      void over.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
