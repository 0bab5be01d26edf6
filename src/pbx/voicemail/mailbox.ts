/** A mailbox: callers leave messages, its owner listens to them by phone, and programs read them. */
import { join } from 'node:path';
import { isAbort, messageOf, TandemError } from '../../base/errors.ts';
import type { DialogServerSession } from '../../session/dialog-server-session.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { PbxPorts } from '../ports.ts';
import { CodeLock } from './code-lock.ts';
import { Listening, type ListenResult } from './listening.ts';
import type { VoicemailMessage } from './message.ts';
import { MessageStore } from './message-store.ts';
import type { MessageCounts } from './message-summary.ts';
import { checkedVoicemail, type VoicemailOptions } from './options.ts';
import { recordUntilKey } from './record.ts';

export type MailboxPorts = Pick<PbxPorts, 'clock' | 'random' | 'logger' | 'observer' | 'files' | 'prompt'>;

export class Mailbox {
  readonly name: string;
  readonly #ports: MailboxPorts;
  readonly #changed: (box: Mailbox) => void;
  readonly #lock: CodeLock;
  #options: VoicemailOptions;
  #store: MessageStore;
  /** Messages that are being left. */
  #recording = 0;

  /**
   * Made by `tandem.voicemail`, not by users. Reads nothing yet.
   * @param changed told when there are more or fewer messages than before
   * @throws ConfigError
   */
  constructor(name: string, options: VoicemailOptions, ports: MailboxPorts, changed: (box: Mailbox) => void) {
    this.name = name;
    this.#ports = ports;
    this.#changed = changed;
    this.#options = checkedVoicemail(name, options);
    this.#store = this.#open();
    this.#lock = new CodeLock(ports.clock);
  }

  get options(): VoicemailOptions {
    return this.#options;
  }

  /** Users whose it is. */
  get owners(): readonly string[] {
    return this.#options.owners ?? [this.name];
  }

  /** From the next call on. @throws ConfigError; all is as it was then */
  configure(options: VoicemailOptions): void {
    const { folder } = this.#options;
    this.#options = checkedVoicemail(this.name, options);
    if (options.folder !== folder) this.#store = this.#open();
  }

  // ---- by phone

  /**
   * Answers, plays the greeting, and takes a message until `#`, silence, its longest time or the end of the call.
   * @returns undefined when nothing was said
   * @throws TandemError ERR_VOICEMAIL_FULL, ERR_VOICEMAIL when it cannot be written: the caller was told, and the call
   * goes on
   */
  async record(call: DialogSession): Promise<VoicemailMessage | undefined> {
    const { prompt } = this.#ports;
    try {
      await answered(call);
      if ((await this.messages()).length + this.#recording >= (this.#options.maxMessages ?? 100))
        throw new TandemError('ERR_VOICEMAIL_FULL', `the mailbox ${this.name} is full`, { facts: { box: this.name } });
      this.#recording++;
      try {
        return await this.#takeMessage(call);
      } finally {
        this.#recording--;
      }
    } catch (error) {
      if (isAbort(error, call.signal)) return undefined;
      this.#ports.logger.warn({ box: this.name, error: messageOf(error) }, 'a message cannot be kept');
      if (!call.signal.aborted) await this.#play(call, prompt('vm-cannot-keep'));
      throw error;
    }
  }

  /**
   * Answers, asks for the code if there is one, and lets the owner listen, delete, save, and change the greeting, by
   * keys. Whether it is the owner who calls is for whoever leads calls here, or for the code.
   * @throws TandemError ERR_VOICEMAIL when messages cannot be read
   */
  async listen(call: DialogSession): Promise<ListenResult> {
    try {
      await answered(call);
      return await new Listening(call, this, this.#store, this.#lock, this.#ports).run();
    } catch (error) {
      if (call.signal.aborted) return { end: 'hangup' };
      throw error;
    }
  }

  // ---- for programs

  /** The oldest first. @throws TandemError ERR_VOICEMAIL */
  messages(): Promise<readonly VoicemailMessage[]> {
    return this.#store.load();
  }

  /** The sound of a message, as a WAV file. @throws TandemError ERR_VOICEMAIL */
  read(id: string): Promise<Uint8Array> {
    return this.#store.sound(id);
  }

  /** @throws TandemError ERR_VOICEMAIL */
  async delete(id: string): Promise<void> {
    await this.#store.remove(id);
    this.#tell();
  }

  /** Heard, or as if it had not been. @throws TandemError ERR_VOICEMAIL */
  async mark(id: string, state: VoicemailMessage['state']): Promise<void> {
    await this.#store.mark(id, state);
    this.#tell();
  }

  /** Of those that are known without a look at the folder: none before the first `messages`. */
  get counts(): MessageCounts {
    const { known } = this.#store;
    const fresh = known.filter(({ state }) => state === 'new').length;
    return { new: fresh, saved: known.length - fresh };
  }

  #open(): MessageStore {
    return new MessageStore(join(this.#options.folder, this.name), this.#ports);
  }

  async #takeMessage(call: DialogSession): Promise<VoicemailMessage | undefined> {
    const { clock, prompt } = this.#ports;
    const { minSeconds = 1, maxSeconds = 180, maxSilence = 5000, greeting = prompt('vm-greeting') } = this.#options;
    const store = this.#store;
    const at = clock.wallclock();
    const { id, path } = await store.begin(at);
    await call.playback().play((await store.greeting()) ?? greeting, { bargeIn: 'dtmf' });
    call.signal.throwIfAborted();
    let durationMs = 0;
    try {
      durationMs = await recordUntilKey(call, path, { maxDuration: maxSeconds * 1000, maxSilence });
    } catch (error) {
      await store.discard(id);
      throw error;
    }
    if (durationMs < Math.max(1, minSeconds * 1000)) {
      await store.discard(id);
      if (!call.signal.aborted) await this.#play(call, prompt('vm-too-short'));
      return undefined;
    }
    const message: VoicemailMessage = {
      ...{ id, at, durationMs, callId: call.callId, state: 'new' },
      from: call.fromUser,
      fromName: call.identity?.displayName,
    };
    await store.keep(message);
    this.#ports.observer.emit('voicemail:recorded', {
      ...{ box: this.name, id, durationMs, callId: call.callId, sessionId: call.id, at: clock.wallclock() },
    });
    this.#tell();
    if (!call.signal.aborted) await this.#play(call, prompt('vm-kept'));
    return message;
  }

  #tell(): void {
    const { observer, clock } = this.#ports;
    observer.emit('voicemail:changed', { box: this.name, ...this.counts, at: clock.wallclock() });
    this.#changed(this);
  }

  /** What cannot be played is not heard, and that is all. */
  async #play(call: DialogSession, path: string): Promise<void> {
    await call
      .playback()
      .play(path)
      .catch((error: unknown) => this.#ports.logger.debug({ error: messageOf(error) }, 'a prompt was not heard'));
  }
}

async function answered(call: DialogSession): Promise<void> {
  call.signal.throwIfAborted();
  if ('answer' in call && call.state !== 'answered' && call.state !== 'confirmed')
    await (call as DialogServerSession).answer();
}
