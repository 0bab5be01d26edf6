/** Unix datagram sockets, by the addon of `native/unix-datagram.c`: Node.js has none. */
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { TandemError } from '../../base/errors.ts';
import { packageRoot } from '../../base/node-package.ts';
import { openSocketFile } from '../../base/node-socket-file.ts';

/** Names have one character for each byte. */
interface Addon {
  readonly layout: number;
  open(name: string, received: (bytes: Buffer, from: string) => void): object | number;
  /** @returns 0 or a negative errno */
  send(port: object, bytes: Buffer, name: string): number;
  close(port: object): void;
  answers(name: string): boolean;
}

/** Given a datagram of a sender that has a name, and what answers it. */
export type Received = (bytes: Uint8Array, from: string, answer: (bytes: Uint8Array) => void) => void;

export interface UnixDatagramPort {
  /** What its reader has no room for is lost. */
  send(bytes: Uint8Array, to: string): void;
  /** Removes the file too. */
  close(): Promise<void>;
}

/** Of the addon this code was written for. */
const layout = 1;

/**
 * @param received may be called before this settles
 * @throws TandemError ERR_SOCKET, also where the addon is missing, and ERR_SOCKET_IN_USE
 */
export async function openUnixDatagram(path: string, mode: number, received: Received): Promise<UnixDatagramPort> {
  const addon = loadAddon(path);
  const name = Buffer.from(path).toString('latin1');
  let port: object = {};
  const send = (bytes: Uint8Array, to: string): void =>
    void addon.send(port, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), to);
  await openSocketFile({
    ...{ path, mode },
    open: () => {
      const opened = addon.open(name, (bytes, from) => received(bytes, from, (answer) => send(answer, from)));
      if (typeof opened === 'number') throw systemError(opened);
      port = opened;
    },
    answers: () => addon.answers(name),
  });
  let closing: Promise<void> | undefined;
  return {
    send,
    close: () => {
      if (!closing) {
        addon.close(port);
        closing = rm(path, { force: true });
      }
      return closing;
    },
  };
}

function loadAddon(path: string): Addon {
  try {
    const addon = createRequire(import.meta.url)(join(packageRoot, 'native', 'unix-datagram.node')) as Addon;
    if (addon.layout === layout) return addon;
  } catch (error) {
    throw missing(path, error);
  }
  throw missing(path);
}

function missing(path: string, cause?: unknown): TandemError {
  const why = cause === undefined ? 'is of another version' : 'is not built';
  return new TandemError(
    'ERR_SOCKET',
    `cannot open unixd:${path}: the addon for unix datagram sockets ${why} (tandem native); unixs:${path} needs none`,
    { cause },
  );
}

function systemError(errno: number): Error {
  const [code, message] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', `error ${-errno}`];
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
