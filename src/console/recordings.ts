/** Recordings to listen to: files that this server has made, as the record of their call names them. */
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Cdr } from '../cdr/cdr.ts';
import { type SiteReply, type SiteRequest, type SiteRoute, whoIs } from '../control/http/site.ts';

export interface RecordingsDeps {
  find(call: string): Promise<Cdr | undefined>;
  readonly logger: Logger;
}

const prefix = '/console/recordings/';
const headerBytes = 12;
const notFound = { status: 404, body: { error: 'no such recording' } } as const;

export function recordingsRoute(deps: RecordingsDeps): SiteRoute {
  return { method: 'GET', path: `${prefix}*`, answer: (request) => answer(deps, request) };
}

async function answer({ find, logger }: RecordingsDeps, request: SiteRequest): Promise<SiteReply> {
  const [, call, index] = /^([\w-]{1,64})\.(\d{1,4})$/.exec(request.path.slice(prefix.length)) ?? [];
  const cdr = call === undefined ? undefined : await find(call);
  const path = cdr?.recordings[Number(index)];
  if (!cdr || path === undefined) return notFound;
  const who = { ...whoIs(request.admission, request.visitor), callId: cdr.legs[0]?.callId, recording: path };
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const reply = await replyWith(file, request.headers.range);
    // A player asks for a recording piece by piece.
    if (reply.status === 200 || /^bytes=0-/.test(request.headers.range ?? '')) logger.info(who, 'recording fetched');
    if (!isStream(reply)) await file.close();
    return reply;
  } catch (error) {
    await file?.close();
    logger.warn({ ...who, error: messageOf(error) }, 'a recording cannot be read');
    return notFound;
  }
}

function isStream({ status }: SiteReply): boolean {
  return status === 200 || status === 206;
}

/** Takes the file over where it is a stream. */
async function replyWith(file: FileHandle, range: string | undefined): Promise<SiteReply> {
  const [stat, type] = [await file.stat(), await typeOf(file)];
  // Whatever a database says: nothing but audio leaves this way.
  if (!stat.isFile() || type === undefined) return notFound;
  const { size } = stat;
  const wanted = readRange(range, size);
  const headers = { 'content-type': type, 'accept-ranges': 'bytes', 'content-disposition': 'inline' };
  if (wanted === 'none') return { status: 416, headers: { 'content-range': `bytes */${size}` } };
  const { start, end } = wanted ?? { start: 0, end: size - 1 };
  return {
    status: wanted ? 206 : 200,
    headers: {
      ...headers,
      'content-length': String(end - start + 1),
      ...(wanted ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
    },
    body: file.createReadStream({ start, end }),
  };
}

/** By its first bytes. */
async function typeOf(file: FileHandle): Promise<string | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
  const head = buffer.subarray(0, bytesRead).toString('latin1');
  if (head.startsWith('RIFF') && head.endsWith('WAVE')) return 'audio/wav';
  return head.startsWith('OggS') ? 'audio/ogg' : undefined;
}

/**
 * One range (RFC 9110 §14.2); of several all is sent.
 * @returns undefined for the whole, `none` for one that is not there
 */
export function readRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'none' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'none' : { start, end };
}
