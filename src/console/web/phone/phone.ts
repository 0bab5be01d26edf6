/** The page's state: the agent, the sound devices, the history and what is to be told. Views show it and call its methods. */
import { addressOf, shown } from './address.ts';
import type { Account, Agent, Registration } from './agent.ts';
import type { PhoneCall } from './call.ts';
import { Emitter } from './emitter.ts';
import { type HistoryEntry, withCall } from './history.ts';
import { MicrophoneError, openMicrophone } from './microphone.ts';
import { rememberSound, type SoundChoice, soundChoice } from './remembered.ts';
import { play, soundTo, wakeSound } from './sound.ts';
import type { Problem } from './words.ts';

export interface PhoneEvents {
  readonly change: undefined;
}

export class Phone extends Emitter<PhoneEvents> {
  readonly agent: Agent;
  history: readonly HistoryEntry[] = [];
  problem: Problem | undefined;
  /** For screen readers: what just happened. */
  said = '';
  sound: SoundChoice = soundChoice();
  #stopTone: (() => void) | undefined;
  #tone: 'ring' | 'ringback' | undefined;

  constructor(agent: Agent) {
    super();
    this.agent = agent;
    agent.on('registration', (registration) => this.#registration(registration));
    agent.on('incoming', (call) => this.#tell(`${this.nameOf(call)} is calling`));
    agent.on('notice', (advice) => this.fail({ title: 'The other side did not agree', advice }));
    agent.on('calls', () => this.#calls());
    agent.on('ended', ({ call, end }) => {
      this.history = withCall(this.history, { ...call, peer: call.peer, direction: call.direction, end });
      const expected = end.problem && (call.direction === 'out' || end.by === 'network');
      if (expected) this.fail(end.problem!);
      this.#tell(
        end.problem ? `${end.problem.title}. ${end.problem.advice}` : `The call with ${this.nameOf(call)} ended`,
      );
      if (end.by !== 'me') this.#backToTheOther();
    });
  }

  register(account: Account): void {
    this.problem = undefined;
    wakeSound();
    this.agent.register(account);
  }

  nameOf(call: Pick<PhoneCall, 'peer' | 'name'>): string {
    const address = shown(call.peer, this.agent.domain);
    return call.name && call.name !== address ? `${call.name} (${address})` : address;
  }

  async call(typed: string): Promise<boolean> {
    this.problem = undefined;
    const address = addressOf(typed, this.agent.domain);
    if (address === undefined) {
      this.fail({ title: 'That is no number', advice: 'Type a number, a user, or an address as anna@example.com.' });
      return false;
    }
    const microphone = await this.#microphone();
    if (!microphone) return false;
    for (const other of this.agent.calls) if (other.state === 'active' && !other.held) other.hold();
    try {
      this.#follow(this.agent.call(address, microphone));
      return true;
    } catch {
      for (const track of microphone.getTracks()) track.stop();
      this.fail({ title: 'That cannot be called', advice: 'The address is not one that SIP knows.' });
      return false;
    }
  }

  async answer(call: PhoneCall): Promise<void> {
    this.problem = undefined;
    const microphone = await this.#microphone();
    if (!microphone) return;
    for (const other of this.agent.calls) if (other.state === 'active' && !other.held) other.hold();
    call.answer(microphone, this.agent.iceServers);
  }

  /** Speaks with `call` and holds the others. */
  turnTo(call: PhoneCall): void {
    if (!this.agent.speakWith(call))
      this.fail({ title: 'Not just now', advice: 'The call is being changed. Try again.' });
  }

  transfer(call: PhoneCall, typed: string): boolean {
    const address = addressOf(typed, this.agent.domain);
    if (address === undefined) {
      this.fail({ title: 'That is no number', advice: 'Type a number, a user, or an address as anna@example.com.' });
      return false;
    }
    call.transferTo(address);
    return true;
  }

  async choose(sound: SoundChoice): Promise<void> {
    const other = sound.microphone !== this.sound.microphone || sound.processing !== this.sound.processing;
    this.sound = sound;
    rememberSound(sound);
    this.#changed();
    await soundTo(sound.speaker);
    if (!other) return;
    for (const call of this.agent.calls) {
      if (!call.microphone) continue;
      const microphone = await this.#microphone();
      if (microphone) await call.replaceMicrophone(microphone);
    }
  }

  fail(problem: Problem): void {
    this.problem = problem;
    this.#changed();
  }

  clearProblem(): void {
    this.problem = undefined;
    this.#changed();
  }

  async #microphone(): Promise<MediaStream | undefined> {
    try {
      return await openMicrophone(this.sound);
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      this.fail(error.problem);
      return undefined;
    }
  }

  /** Says what becomes of a call that was made. */
  #follow(call: PhoneCall): void {
    let last: string = call.state;
    this.#tell(`Calling ${this.nameOf(call)}`);
    call.on('change', () => {
      if (call.state === last) return;
      last = call.state;
      if (last === 'ringing') this.#tell(`It rings at ${this.nameOf(call)}`);
      if (last === 'active') this.#tell(`Connected with ${this.nameOf(call)}`);
    });
  }

  /** When the one that was spoken with is gone and another waits: back to it. */
  #backToTheOther(): void {
    const left = this.agent.calls.filter(({ state }) => state === 'active');
    if (left.length === 1 && left[0]?.held) left[0].resume();
  }

  #registration(registration: Registration): void {
    this.problem = registration.state === 'failed' ? registration.problem : this.problem;
    if (registration.state === 'registered') this.#tell(`Registered as ${registration.user}`);
    if (registration.state === 'lost') this.#tell('The connection to the server is lost. It is tried again.');
    this.#changed();
  }

  #calls(): void {
    const { calls } = this.agent;
    const rings = calls.some(({ state }) => state === 'incoming');
    const calling = calls.some(({ state, earlyMedia }) => state === 'ringing' && !earlyMedia);
    const tone = rings ? 'ring' : calling ? 'ringback' : undefined;
    if (tone !== this.#tone) {
      this.#stopTone?.();
      this.#tone = tone;
      this.#stopTone = tone && play(tone);
    }
    this.#changed();
  }

  #tell(text: string): void {
    this.said = text;
    this.#changed();
  }

  #changed(): void {
    this.emit('change', undefined);
  }
}
