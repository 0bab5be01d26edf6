/** baresip: a phone by others, which writes what it said and what it heard to WAV files of its own. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { resample } from '../../../media/audio/index.ts';
import { readWav } from '../../helpers/audio.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { freePort } from './ports.ts';
import { Program, root } from './process.ts';

/** Debian, Ubuntu. */
const modules = '/usr/lib/baresip/modules';
const defaultCodecs = 'PCMU/8000/1';

export interface BaresipOptions {
  /** WAV file it speaks, 8 kHz mono; a shipped prompt by name. At its end baresip hangs up. */
  readonly says: string;
  /** One: `PCMU/8000/1` (the default), `opus/48000/2`. */
  readonly codecs?: string;
  /** `srtp`: best effort over RTP/AVP; `-mand`: RTP/SAVP; `-mandf`: RTP/SAVPF. Default plain RTP. */
  readonly mediaenc?: 'srtp' | 'srtp-mand' | 'srtp-mandf';
  /** Registers there as this user; others call it by the server then. */
  readonly account?: BaresipAccount;
}

export interface BaresipAccount {
  readonly user: string;
  readonly password: string;
  readonly port: number;
  readonly transport?: 'udp' | 'tcp' | 'tls';
  /** PEM file: who signed the server's certificate. */
  readonly ca?: string;
  /** Subscribes to how many messages wait (RFC 3842). */
  readonly mwi?: boolean;
}

export class Baresip implements AsyncDisposable {
  readonly program: Program;
  /** Where it takes calls, and answers them. */
  readonly port: number;
  readonly events: string[] = [];
  readonly #folder: Folder;
  readonly #control: Socket;
  /** Of the file it writes. */
  readonly #bytesPerMs: number;

  private constructor(program: Program, port: number, folder: Folder, control: Socket, codecs: string) {
    const [, rate = 0, channels = 0] = codecs.split('/').map(Number);
    this.#bytesPerMs = (2 * rate * channels) / 1000;
    this.program = program;
    this.port = port;
    this.#folder = folder;
    this.#control = control;
    control.setEncoding('utf8');
    control.on('error', () => {});
    control.on('data', (text: string) => {
      for (const [, type] of text.matchAll(/"type":"(\w+)"/g)) if (type) this.events.push(type);
    });
  }

  static async start(options: BaresipOptions): Promise<Baresip> {
    for (let attempt = 1; ; attempt++) {
      const [folder, port, control] = [await temporaryFolder(), await freePort(), await freePort()];
      await configure(folder, port, control, options);
      const program = new Program('baresip', ['-f', folder.path], { cwd: folder.path });
      try {
        await program.until('ready', () => program.output.includes('baresip is ready'));
        if (/in use/i.test(program.output)) throw new Error(program.output);
        return new Baresip(program, port, folder, await connected(control), options.codecs ?? defaultCodecs);
      } catch (error) {
        await program[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
        if (attempt === 5) throw error;
      }
    }
  }

  hold(): void {
    this.#command('hold');
  }

  resume(): void {
    this.#command('resume');
  }

  /** Blind transfer of the call. */
  transfer(uri: string): void {
    this.#command('transfer', uri);
  }

  dial(uri: string): void {
    this.#command('dial', uri);
  }

  hangup(): void {
    this.#command('hangup');
  }

  /** `CALL_ESTABLISHED`, `CALL_CLOSED`, … */
  async event(type: string, timeout = 20_000): Promise<void> {
    await expect.poll(() => this.events, { timeout }).toContain(type);
  }

  /** What it decoded, mono at 8 kHz, whole once the call is over. */
  async heard(): Promise<Int16Array> {
    const path = await this.#heardFile();
    if (!path) throw new Error(`baresip heard nothing\n${this.program.output}`);
    const { sampleRate, channels, samples } = readWav(await readFile(path));
    const mono = channels === 1 ? samples : samples.filter((_, i) => i % channels === 0);
    return resample(mono, sampleRate, 8000);
  }

  /** Resolves when its file of what it heard is so long. */
  async heardFor(ms: number): Promise<void> {
    await expect.poll(() => this.heardMs(), { timeout: ms + 20_000, interval: 100 }).toBeGreaterThan(ms);
  }

  /** Length of its file of what it heard, ms. */
  async heardMs(): Promise<number> {
    const path = await this.#heardFile();
    return path ? (await stat(path)).size / this.#bytesPerMs : 0;
  }

  /** Resolves when it has heard nothing new for so long. */
  async quietFor(ms: number): Promise<void> {
    let [last, since] = [-1, 0];
    const quiet = async (): Promise<number> => {
      const now = await this.heardMs();
      if (now !== last) [last, since] = [now, performance.now()];
      return performance.now() - since;
    };
    await expect.poll(quiet, { timeout: ms + 20_000, interval: 50 }).toBeGreaterThan(ms);
  }

  async #heardFile(): Promise<string | undefined> {
    const files = await readdir(this.#folder.file('dump'));
    const name = files.find((file) => file.endsWith('-dec.wav'));
    return name && join(this.#folder.file('dump'), name);
  }

  #command(command: string, params = ''): void {
    const text = JSON.stringify({ command, params });
    this.#control.write(`${text.length}:${text},`); // a netstring
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#control.destroy();
    await this.program[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function configure(folder: Folder, port: number, control: number, options: BaresipOptions): Promise<void> {
  const { says, codecs = defaultCodecs, account, mediaenc } = options;
  const source = says.includes('/') ? says : join(root, 'prompts', `${says}.wav`);
  await mkdir(folder.file('dump'));
  await writeFile(
    folder.file('config'),
    [
      `sip_listen 127.0.0.1:${port}`,
      'net_interface 127.0.0.1',
      `audio_source aufile,${source}`,
      'ausrc_srate 8000',
      'auplay_srate 8000',
      'ausrc_channels 1',
      'auplay_channels 1',
      `module_path ${modules}`,
      ...['g711', 'g722', 'opus', 'aufile', 'sndfile', 'srtp'].map((name) => `module ${name}.so`),
      'module_tmp uuid.so',
      // `mwi` first: it subscribes without end when its first timer, of 1 ms, comes after the account's registration.
      ...[...(account?.mwi ? ['mwi'] : []), 'account', 'menu', 'ctrl_tcp'].map((name) => `module_app ${name}.so`),
      `ctrl_tcp_listen 127.0.0.1:${control}`,
      `snd_path ${folder.file('dump')}`,
      ...(account?.ca === undefined ? [] : [`sip_cafile ${account.ca}`]),
      '',
    ].join('\n'),
  );
  await writeFile(
    folder.file('accounts'),
    `${account ? registered(account) : `<sip:bob@127.0.0.1:${port}>;regint=0`};answermode=auto;audio_codecs=${codecs}${mediaenc ? `;mediaenc=${mediaenc}` : ''}\n`,
  );
}

function registered({ user, password, port, transport = 'udp', mwi = false }: BaresipAccount): string {
  const more = mwi ? ';mwi=yes' : '';
  return `<sip:${user}@127.0.0.1:${port};transport=${transport}>;auth_pass=${password};regint=60${more}`;
}

function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}
