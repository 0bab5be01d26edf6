/**
 * The messages of one mailbox as files in its folder: `<id>.wav` and, once it is a message, `<id>.json` beside it. What
 * has no JSON is being recorded, or was when its process died. One process has a folder.
 */
import { join } from 'node:path';
import { messageOf, TandemError } from '../../base/errors.ts';
import type { Files, Folders } from '../../base/io.ts';
import type { Logger } from '../../base/log.ts';
import { type Random, token } from '../../base/random.ts';
import { isMessageId, messageId, printMessage, readMessage, type VoicemailMessage } from './message.ts';

export interface MessageStorePorts {
  readonly files: Files;
  readonly random: Random;
  readonly logger: Logger;
}

/** A recording of a process that is gone is taken away after so long, ms. */
const orphanMs = 86_400_000;

export class MessageStore {
  readonly #folder: string;
  readonly #ports: MessageStorePorts;
  readonly #folders: Folders;
  #messages: Map<string, VoicemailMessage> | undefined;
  #loading: Promise<Map<string, VoicemailMessage>> | undefined;

  /** @throws TandemError ERR_CONFIG where files cannot be listed */
  constructor(folder: string, ports: MessageStorePorts) {
    this.#folder = folder;
    this.#ports = ports;
    const { folders } = ports.files;
    if (!folders)
      throw new TandemError('ERR_CONFIG', 'voicemail needs files with folders: TandemOptions.files has none');
    this.#folders = folders;
  }

  /** Those that are known now, without a look at the folder: none before `load`. The oldest first. */
  get known(): readonly VoicemailMessage[] {
    return [...(this.#messages?.values() ?? [])];
  }

  /** @throws TandemError ERR_VOICEMAIL */
  async load(): Promise<readonly VoicemailMessage[]> {
    if (!this.#messages) {
      this.#loading ??= this.#read().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
    return this.known;
  }

  /** @throws TandemError ERR_VOICEMAIL for one that is not there */
  async get(id: string): Promise<VoicemailMessage> {
    const message = (await this.load()).find((one) => one.id === id);
    if (message) return message;
    throw new TandemError('ERR_VOICEMAIL', `there is no message ${JSON.stringify(id)}`, { facts: { id } });
  }

  /** Where a new recording goes. @param at Unix ms @throws TandemError ERR_VOICEMAIL when there is no place for it */
  async begin(at: number): Promise<{ readonly id: string; readonly path: string }> {
    await this.load();
    await this.#doing('make its folder', () => this.#folders.make(this.#folder));
    const id = messageId(at, this.#ports.random);
    return { id, path: this.soundOf(id) };
  }

  /** The recording is a message from now on. @throws TandemError ERR_VOICEMAIL; it is gone then */
  async keep(message: VoicemailMessage): Promise<void> {
    try {
      await this.#write(message);
    } catch (error) {
      await this.discard(message.id);
      throw error;
    }
    (await this.#map()).set(message.id, message);
  }

  /** @throws TandemError ERR_VOICEMAIL; all is as it was then */
  async mark(id: string, state: VoicemailMessage['state']): Promise<void> {
    const message = await this.get(id);
    if (message.state === state) return;
    await this.#write({ ...message, state });
    // Deleted meanwhile, by somebody else who listens.
    const messages = await this.#map();
    if (messages.has(id)) messages.set(id, { ...message, state });
    else await this.#doing('delete a message', () => this.#folders.remove(this.#describedIn(id)));
  }

  /** @throws TandemError ERR_VOICEMAIL */
  async remove(id: string): Promise<void> {
    await this.get(id);
    (await this.#map()).delete(id);
    // The description first: a sound alone is no message.
    await this.#doing('delete a message', () => this.#folders.remove(this.#describedIn(id)));
    await this.discard(id);
  }

  /** Of a recording that is no message. */
  async discard(id: string): Promise<void> {
    await this.#removeQuietly(this.soundOf(id));
  }

  /** @throws TandemError ERR_VOICEMAIL */
  async sound(id: string): Promise<Uint8Array> {
    await this.get(id);
    return this.#doing('read a message', () => this.#ports.files.read(this.soundOf(id)));
  }

  soundOf(id: string): string {
    return join(this.#folder, `${id}.wav`);
  }

  // ---- the greeting of its owner

  get #greeting(): string {
    return join(this.#folder, 'greeting.wav');
  }

  /** Its path; undefined if there is none. */
  async greeting(): Promise<string | undefined> {
    const path = this.#greeting;
    return this.#ports.files.stat(path).then(
      () => path,
      () => undefined,
    );
  }

  /** Where a new greeting is recorded, until `useGreeting`. @throws TandemError ERR_VOICEMAIL */
  async beginGreeting(): Promise<string> {
    await this.#doing('make its folder', () => this.#folders.make(this.#folder));
    return join(this.#folder, `greeting-${token(this.#ports.random, 4)}.wav`);
  }

  /** @throws TandemError ERR_VOICEMAIL; the old one stays then */
  useGreeting(path: string): Promise<void> {
    return this.#doing('keep the greeting', () => this.#folders.rename(path, this.#greeting));
  }

  removeGreeting(path = this.#greeting): Promise<void> {
    return this.#removeQuietly(path);
  }

  // ---- files

  async #map(): Promise<Map<string, VoicemailMessage>> {
    await this.load();
    return this.#messages as Map<string, VoicemailMessage>;
  }

  #describedIn(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  async #read(): Promise<Map<string, VoicemailMessage>> {
    const names = await this.#doing('look into its folder', () => this.#folders.list(this.#folder));
    const found: VoicemailMessage[] = [];
    for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
      const id = name.slice(0, -'.json'.length);
      if (!isMessageId(id)) continue;
      const read = await this.#readOne(id);
      if (read) found.push(read);
    }
    this.#messages = new Map(found.map((message) => [message.id, message]));
    await this.#sweep(names, this.#messages);
    return this.#messages;
  }

  async #readOne(id: string): Promise<VoicemailMessage | undefined> {
    const path = this.#describedIn(id);
    const bytes = await this.#doing('read a message', () => this.#ports.files.read(path));
    const message = readMessage(id, Buffer.from(bytes).toString('utf8'));
    if (message.ok) return message.value;
    this.#ports.logger.warn(
      { path, error: message.error },
      'a message of a mailbox cannot be read, and is passed over',
    );
    return undefined;
  }

  /** What a process that died has left. */
  async #sweep(names: readonly string[], messages: ReadonlyMap<string, VoicemailMessage>): Promise<void> {
    const newest = Math.max(0, ...[...messages.values()].map(({ at }) => at));
    for (const name of names) {
      const id = /^(.+)\.wav$/.exec(name)?.[1];
      if (id === undefined || !isMessageId(id) || names.includes(`${id}.json`)) continue;
      // Without a clock of its own it goes by the messages that came later.
      if (Number(id.split('-')[0]) + orphanMs < newest) await this.discard(id);
    }
  }

  async #write(message: VoicemailMessage): Promise<void> {
    const path = this.#describedIn(message.id);
    const temporary = `${path}.tmp`;
    try {
      await this.#doing('keep a message', async () => {
        const file = await this.#ports.files.create(temporary);
        try {
          await file.write(Buffer.from(printMessage(message), 'utf8'), 0);
        } finally {
          await file.close();
        }
        await this.#folders.rename(temporary, path);
      });
    } catch (error) {
      await this.#removeQuietly(temporary);
      throw error;
    }
  }

  async #removeQuietly(path: string): Promise<void> {
    await this.#folders.remove(path).catch((error: unknown) => {
      this.#ports.logger.warn({ path, error: messageOf(error) }, 'a file of a mailbox cannot be deleted');
    });
  }

  /** @throws TandemError ERR_VOICEMAIL */
  async #doing<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new TandemError('ERR_VOICEMAIL', `the mailbox cannot ${what}: ${messageOf(error)}`, {
        cause: error,
        facts: { folder: this.#folder },
      });
    }
  }
}
