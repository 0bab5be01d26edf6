/** `tandem recordings`: what lies in the folder, looked at, decrypted, deleted or kept from being. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConfigError, messageOf, TandemError } from '../base/errors.ts';
import { createNodeRandom } from '../base/node.ts';
import { isoTime } from '../base/node-iso-time.ts';
import { NodeVault, openEither, openRecording } from '../recordings/node-vault.ts';
import type { KeptRecording } from '../recordings/note.ts';
import type { Keyring } from '../recordings/options.ts';
import { expired } from '../recordings/retention.ts';
import { keyringOfConfig, recordingsOptions } from './recordings-options.ts';
import { loadSettings } from './settings.ts';

export interface RecordingsCommandOptions {
  readonly config?: string;
  readonly folder?: string;
  readonly json?: boolean;
}

export interface DecryptOptions extends RecordingsCommandOptions {
  /** `-` is standard output. */
  readonly output?: string;
}

export interface PurgeOptions extends RecordingsCommandOptions {
  /** Days. */
  readonly olderThan?: number;
  readonly dryRun?: boolean;
}

const dayMs = 86_400_000;

interface Shelf {
  readonly vault: NodeVault;
  readonly keyring: Pick<Keyring, 'find'>;
  readonly uploads: boolean;
  readonly keepFor: number | undefined;
  readonly maxBytes: number | undefined;
}

function shelf({ config: file, folder }: RecordingsCommandOptions): Shelf {
  const { config } = loadSettings(file === undefined ? {} : { config: file });
  const options = recordingsOptions(config);
  const where = folder ?? options?.folder;
  if (where === undefined)
    throw new ConfigError('the configuration says recordings.folder: none; name one with --folder');
  return {
    vault: new NodeVault(where, createNodeRandom()),
    keyring: keyringOfConfig(config),
    uploads: options?.upload !== undefined,
    keepFor: options?.keepFor,
    maxBytes: options?.maxBytes,
  };
}

export async function listRecordings(options: RecordingsCommandOptions): Promise<number> {
  const { vault } = shelf(options);
  const found = (await all(vault)).sort((a, b) => startOf(a) - startOf(b));
  for (const one of found) {
    const { note, ...file } = one;
    if (options.json) print(JSON.stringify({ ...file, ...note }));
    else print([isoTime(startOf(one)), durationOf(one), `${one.size}`.padStart(10), stateOf(one), one.name].join('  '));
  }
  return 0;
}

async function all(vault: NodeVault): Promise<KeptRecording[]> {
  const found: KeptRecording[] = [];
  for await (const one of vault.list()) found.push(one);
  return found;
}

function startOf({ note, modified }: KeptRecording): number {
  return note?.startedAt ?? modified;
}

function durationOf({ note }: KeptRecording): string {
  return (note?.durationMs === undefined ? '-' : `${(note.durationMs / 1000).toFixed(1)} s`).padStart(9);
}

function stateOf({ note, sealed, held }: KeptRecording): string {
  const state = note?.endedAt === undefined ? 'recording' : note.uploaded ? 'uploaded' : 'local';
  return [state, sealed ? 'encrypted' : 'plain', ...(held ? ['held'] : [])].join(',').padEnd(19);
}

/** @param name of a recording below the folder, or the path of a file anywhere */
export async function decryptRecording(name: string, options: DecryptOptions): Promise<number> {
  const { vault, keyring } = shelf(options);
  const known = vault.nameOf(`${vault.folder}/${name.replace(/\.sealed$/, '')}`);
  const path = known !== undefined && (await vault.find(known)) ? `${vault.folder}/${known}` : name;
  const output = options.output ?? path.replace(/^.*[\\/]/, '').replace(/\.sealed$/, '');
  try {
    const file = await openRecording(await openEither(path), keyring);
    try {
      const from = Readable.from(file.stream());
      if (output === '-') await pipeline(from, process.stdout, { end: false });
      else await writeNew(output, from);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new TandemError(error instanceof TandemError ? error.code : 'ERR_FILE', `${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return 0;
}

/** Overwrites nothing, and leaves nothing that is not whole. */
async function writeNew(path: string, from: Readable): Promise<void> {
  let isOurs = false;
  const to = createWriteStream(path, { flags: 'wx', mode: 0o600 }).once('open', () => {
    isOurs = true;
  });
  try {
    await pipeline(from, to);
  } catch (error) {
    if (isOurs) await rm(path, { force: true });
    throw error;
  }
}

export async function purgeRecordings(options: PurgeOptions): Promise<number> {
  const { vault, uploads, keepFor, maxBytes } = shelf(options);
  const days = options.olderThan ?? keepFor;
  if (days === undefined && maxBytes === undefined)
    throw new ConfigError('nothing says what to delete: set recordings.keepFor or maxBytes, or name --older-than');
  const found = await all(vault);
  const lying = found.map(({ name, size, note, held, modified }) => ({
    ...{ name, size, endedAt: note?.endedAt ?? modified },
    // What has no end yet is being recorded, or is for the server to look at.
    deletable: !held && note?.endedAt !== undefined && (!uploads || note.uploaded !== undefined),
  }));
  const limits = {
    keepForMs: days === undefined ? undefined : days * dayMs,
    maxBytes: options.olderThan === undefined ? maxBytes : undefined,
  };
  const over = expired(lying, limits, Date.now());
  for (const { name, size, why } of over) {
    if (!options.dryRun) await vault.remove(name);
    print(`${options.dryRun ? 'would delete' : 'deleted'} ${name} (${size} bytes, ${why})`);
  }
  print(`${over.length} of ${lying.length} recordings`);
  return 0;
}

/** @param on false: it may be deleted again */
export async function holdRecording(name: string, on: boolean, options: RecordingsCommandOptions): Promise<number> {
  const { vault } = shelf(options);
  if (!(await vault.find(name)))
    throw new TandemError('ERR_FILE', `there is no recording ${name} in ${vault.folder} (tandem recordings list)`);
  await vault.hold(name, on);
  print(on ? `${name} is held: nothing deletes it` : `${name} is released`);
  return 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
