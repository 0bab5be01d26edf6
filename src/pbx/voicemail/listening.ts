/** The owner of a mailbox on the phone: the menus, from the code to the last message. One for each call. */
import type { PlayItem } from '../../../media/index.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import { digitPrompts, numberPrompt } from '../prompts.ts';
import type { CodeLock } from './code-lock.ts';
import type { Mailbox, MailboxPorts } from './mailbox.ts';
import type { VoicemailMessage } from './message.ts';
import type { MessageStore } from './message-store.ts';
import { recordUntilKey } from './record.ts';

export interface ListenResult {
  /**
   * `done`: by `#`, or because nothing was pressed any more; `hangup`: the call is over; `denied`: the code was wrong;
   * `call-back`: who left a message is to be called, which is the script's to do.
   */
  readonly end: 'done' | 'hangup' | 'denied' | 'call-back';
  /** Whom to call back. */
  readonly number?: string;
}

/** Input that is missing or wrong so often in a row ends it. */
const attempts = 3;
const inputMs = 6000;
const maxGreetingMs = 60_000;
const dayMs = 86_400_000;

/** Leaves all menus. */
type Leave = ListenResult | 'menu' | undefined;

export class Listening {
  readonly #call: DialogSession;
  readonly #box: Mailbox;
  readonly #store: MessageStore;
  readonly #lock: CodeLock;
  readonly #ports: MailboxPorts;

  constructor(call: DialogSession, box: Mailbox, store: MessageStore, lock: CodeLock, ports: MailboxPorts) {
    this.#call = call;
    this.#box = box;
    this.#store = store;
    this.#lock = lock;
    this.#ports = ports;
  }

  /** @throws DialogEndedError, TandemError ERR_VOICEMAIL */
  async run(): Promise<ListenResult> {
    if (!(await this.#hasCode())) {
      await this.#play(this.#prompt('goodbye'));
      return { end: 'denied' };
    }
    const result = await this.#mainMenu();
    if (result.end === 'done') await this.#play(this.#prompt('goodbye'));
    return result;
  }

  async #hasCode(): Promise<boolean> {
    const { pin } = this.#box.options;
    if (pin === undefined) return true;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const play = [...(attempt > 0 ? [this.#prompt('vm-wrong-code')] : []), this.#prompt('vm-code')];
      const { digits } = await this.#call.gather({ digits: 16, play, timeout: inputMs });
      if (this.#lock.try(digits, pin)) return true;
    }
    await this.#play(this.#prompt('vm-wrong-code'));
    return false;
  }

  async #mainMenu(): Promise<ListenResult> {
    for (let failures = 0; failures < attempts; ) {
      const messages = await this.#box.messages();
      const fresh = messages.filter(({ state }) => state === 'new');
      const saved = messages.filter(({ state }) => state === 'saved');
      const key = await this.#ask([
        ...this.#number('vm-new-messages', fresh.length),
        ...this.#number('vm-saved-messages', saved.length),
        this.#prompt('vm-menu'),
      ]);
      if (key === '#') break;
      const choice = { 1: () => this.#messages(fresh), 2: () => this.#messages(saved), 3: () => this.#greetingMenu() };
      const chosen = Object.hasOwn(choice, key) ? choice[key as unknown as 1 | 2 | 3] : undefined;
      if (!chosen) {
        failures++;
        await this.#complain(key);
        continue;
      }
      failures = 0;
      const left = await chosen();
      if (typeof left === 'object') return left;
    }
    return { end: 'done' };
  }

  // ---- messages

  async #messages(messages: readonly VoicemailMessage[]): Promise<Leave> {
    for (const message of messages) {
      const left = await this.#message(message);
      if (left) return left;
    }
    await this.#play(this.#prompt('vm-no-more'));
    return undefined;
  }

  /** Plays it again until a key leads on. @returns undefined: to the next one */
  async #message(message: VoicemailMessage): Promise<Leave> {
    const { id, from } = message;
    const sound = this.#store.soundOf(id);
    const menu = this.#prompt('vm-message-menu');
    const number = from === undefined ? [] : digitPrompts(this.#ports.prompt, from);
    const caller = number.length === 0 ? [] : [this.#prompt('vm-from'), ...number];
    let play: PlayItem[] = [...caller, sound, menu];
    for (let failures = 0; failures < attempts; ) {
      const key = await this.#ask(play);
      play = [menu];
      switch (key) {
        case '1':
          play = [sound, menu];
          break;
        case '2':
        case '4':
          await this.#heard(message);
          if (key === '4') await this.#play(this.#prompt('vm-saved'));
          return undefined;
        case '3':
          // Gone already, where somebody else listens at the same time.
          await this.#box.delete(id).catch(() => {});
          await this.#play(this.#prompt('vm-deleted'));
          return undefined;
        case '5':
          play = [...this.#timeOf(message), menu];
          break;
        case '6':
          if (number.length > 0 && from !== undefined) {
            await this.#heard(message);
            return { end: 'call-back', number: from };
          }
          await this.#play(this.#prompt('wrong-input'));
          break;
        case '*':
        case '#':
          await this.#heard(message);
          return 'menu';
        default:
          failures++;
          await this.#complain(key);
          continue;
      }
      failures = 0;
    }
    await this.#heard(message);
    return { end: 'done' };
  }

  async #heard({ id }: VoicemailMessage): Promise<void> {
    await this.#box.mark(id, 'saved').catch(() => {});
  }

  /** "Received at 1 4 0 5, number of days ago: 2". */
  #timeOf({ at }: VoicemailMessage): PlayItem[] {
    const { timeZone } = this.#box.options;
    const format = new Intl.DateTimeFormat('en-GB', {
      ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
      ...(timeZone === undefined ? {} : { timeZone }),
    });
    const days = Math.max(0, Math.floor((this.#ports.clock.wallclock() - at) / dayMs));
    const time = digitPrompts(this.#ports.prompt, format.format(at));
    return [this.#prompt('vm-at'), ...time, ...(days > 0 ? this.#number('vm-days-ago', days) : [])];
  }

  // ---- the greeting

  async #greetingMenu(): Promise<Leave> {
    for (let failures = 0; failures < attempts; ) {
      const key = await this.#ask([this.#prompt('vm-greeting-menu')]);
      if (key === '1') await this.#play(await this.#greeting());
      else if (key === '2') await this.#recordGreeting();
      else if (key === '3') {
        await this.#store.removeGreeting();
        await this.#play(this.#prompt('vm-greeting-removed'));
      } else if (key === '*' || key === '#') return 'menu';
      else {
        failures++;
        await this.#complain(key);
        continue;
      }
      failures = 0;
    }
    return 'menu';
  }

  async #greeting() {
    return (await this.#store.greeting()) ?? this.#box.options.greeting ?? this.#prompt('vm-greeting');
  }

  async #recordGreeting(): Promise<void> {
    const path = await this.#store.beginGreeting();
    let isUsed = false;
    try {
      await this.#play(this.#prompt('record'));
      const durationMs = await recordUntilKey(this.#call, path, { maxDuration: maxGreetingMs, maxSilence: 5000 });
      // Who hangs up in the middle of it did not mean it to be heard.
      this.#call.signal.throwIfAborted();
      if (durationMs > 0) {
        await this.#store.useGreeting(path);
        isUsed = true;
      }
    } finally {
      if (!isUsed) await this.#store.removeGreeting(path);
    }
    await this.#play(isUsed ? await this.#greeting() : this.#prompt('vm-too-short'));
  }

  // ---- words and keys

  /** @returns the key; '' when none came */
  async #ask(play: PlayItem[]): Promise<string> {
    const { digits } = await this.#call.gather({ digits: 1, terminators: '', play, timeout: inputMs });
    return digits;
  }

  #complain(key: string): Promise<void> {
    return this.#play(this.#prompt(key === '' ? 'no-input' : 'wrong-input'));
  }

  /** A key cuts it short, and counts for what is asked next. */
  async #play(source: Parameters<ReturnType<DialogSession['playback']>['play']>[0]): Promise<void> {
    await this.#call.playback().play(source, { bargeIn: 'dtmf' });
    this.#call.signal.throwIfAborted();
  }

  #prompt(name: string): string {
    return this.#ports.prompt(name);
  }

  #number(name: string, number: number): PlayItem[] {
    return numberPrompt(this.#ports.prompt, name, number);
  }
}
