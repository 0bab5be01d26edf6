/** The ports as Node.js gives them. Other files take these as arguments. */
import { randomFillSync } from 'node:crypto';
import { lookup, resolveNaptr, resolveSrv } from 'node:dns/promises';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import type { Clock } from './clock.ts';
import { messageOf, TandemError } from './errors.ts';
import type { Fetch, FileEditor, Files, Resolver } from './io.ts';
import type { Random } from './random.ts';

/** Of a timer of Node.js, some 25 days: one that is longer fires at once. */
const longestMs = 2 ** 31 - 1;

export const nodeClock: Clock = {
  now: () => performance.now(),
  wallclock: () => Date.now(),
  setTimer(delayMs, fire) {
    let handle: NodeJS.Timeout;
    const wait = (left: number): void => {
      handle = left <= longestMs ? setTimeout(fire, left) : setTimeout(() => wait(left - longestMs), longestMs);
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Cryptographic random bytes, drawn from a pool: a system call per tag costs more than the tag. */
export function createNodeRandom(): Random {
  const pool = new Uint8Array(4096);
  const view = new DataView(pool.buffer);
  let used = pool.length;
  /** Where `length` unused bytes begin. */
  const take = (length: number): number => {
    if (used + length > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += length;
    return used - length;
  };
  return {
    bytes(length) {
      if (length > pool.length) return randomFillSync(new Uint8Array(length));
      const from = take(length);
      return pool.slice(from, from + length);
    },
    uint32: () => view.getUint32(take(4)),
  };
}

export const nodeFiles: Files = {
  read: (path) => readFile(path),
  async stat(path) {
    const s = await stat(path);
    return { size: s.size, modified: s.mtimeMs };
  },
  async create(path) {
    return editor(await open(path, 'w'));
  },
  async reopen(path) {
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    return {
      ...editor(file),
      size,
      async read(position, length) {
        const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      },
    };
  },
  folders: {
    async make(path) {
      await mkdir(path, { recursive: true });
    },
    list: (path) => readdir(path).catch(listed),
    rename,
    remove: (path) => rm(path, { force: true }),
  },
};

function listed(error: NodeJS.ErrnoException): readonly string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function editor(file: FileHandle): Omit<FileEditor, 'size' | 'read'> {
  return {
    async write(bytes, position) {
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
        done += bytesWritten;
      }
    },
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  };
}

export const nodeFetch: Fetch = {
  async get(url, { signal, maxBytes, timeoutMs }) {
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await respond(url, signal ? AbortSignal.any([signal, timeout]) : timeout, signal);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxBytes)
        throw new TandemError('ERR_FETCH', `cannot fetch ${url}: larger than ${maxBytes} bytes`, {
          facts: { url, maxBytes },
        });
      chunks.push(chunk);
    }
    return { bytes: Buffer.concat(chunks), contentType: contentTypeOf(response) };
  },

  async open(url, { signal, timeoutMs }) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const response = await respond(url, AbortSignal.any([signal, late.signal]), signal);
      const { headers, body } = response;
      // Of a body that is packed it is not the length of what comes out.
      const length = headers.has('content-encoding') ? undefined : headers.get('content-length');
      return {
        contentType: contentTypeOf(response),
        length: length ? Number(length) : undefined,
        body: body ?? none(),
      };
    } finally {
      clearTimeout(timer);
    }
  },

  async post(url, { body, headers, signal, timeoutMs }) {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await ask(url, { method: 'POST', body, headers, redirect: 'manual', signal: stop }, signal);
    await response.body?.cancel();
    return response.status;
  },
};

/** @throws as `ask`, and for a status that is not 2xx */
async function respond(url: string, stop: AbortSignal, signal: AbortSignal | undefined): Promise<Response> {
  const response = await ask(url, { signal: stop }, signal);
  if (response.ok) return response;
  await response.body?.cancel();
  throw new TandemError('ERR_FETCH', `cannot fetch ${url}: HTTP ${response.status}`, {
    facts: { url, status: response.status },
  });
}

/** @throws {TandemError} ERR_FETCH; what `signal` rejects with when that is aborted */
async function ask(url: string, how: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(url, how);
  } catch (error) {
    if (signal?.aborted) throw error;
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
    throw new TandemError('ERR_FETCH', `cannot fetch ${url}: ${reason}`, { cause: error, facts: { url } });
  }
}

function contentTypeOf(response: Response): string {
  return response.headers.get('content-type') ?? '';
}

async function* none(): AsyncGenerator<Uint8Array, void, void> {}

/** A name without such records is none, not a failure. */
async function records<T>(found: Promise<T[]>): Promise<T[]> {
  try {
    return await found;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

export const nodeResolver: Resolver = {
  srv: (name) => records(resolveSrv(name)),
  naptr: (name) => records(resolveNaptr(name)),
  async lookup(host) {
    const found = await lookup(host, { all: true });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  },
};
