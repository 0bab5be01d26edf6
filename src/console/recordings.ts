/** Recordings to listen to: files that this server has made, as the record of their call names them. */
import { Readable } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Cdr } from '../cdr/cdr.ts';
import { type SiteReply, type SiteRequest, type SiteRoute, whoIs } from '../control/http/site.ts';
import { openEither, openRecording } from '../recordings/node-vault.ts';
import type { Keyring } from '../recordings/options.ts';
import { audioType, replyToRange } from './range.ts';

export interface RecordingsDeps {
  /** Opens those that are encrypted. */
  readonly keyring?: Pick<Keyring, 'find'> | undefined;
  find(call: string): Promise<Cdr | undefined>;
  readonly logger: Logger;
}

type OpenFile = Awaited<ReturnType<typeof openRecording>>;

const prefix = '/console/recordings/';
const headerBytes = 12;
const noKeys: Pick<Keyring, 'find'> = { find: () => undefined };
const notFound = { status: 404, body: { error: 'no such recording' } } as const;

export function recordingsRoute(deps: RecordingsDeps): SiteRoute {
  return { method: 'GET', path: `${prefix}*`, answer: (request) => answer(deps, request) };
}

async function answer({ find, logger, keyring = noKeys }: RecordingsDeps, request: SiteRequest): Promise<SiteReply> {
  const [, call, index] = /^([\w-]{1,64})\.(\d{1,4})$/.exec(request.path.slice(prefix.length)) ?? [];
  const cdr = call === undefined ? undefined : await find(call);
  const path = cdr?.recordings[Number(index)];
  if (!cdr || path === undefined) return notFound;
  const who = { ...whoIs(request.admission, request.visitor), callId: cdr.legs[0]?.callId, recording: path };
  let file: OpenFile | undefined;
  try {
    file = await openRecording(await openEither(path), keyring);
    const reply = await replyWith(file, request.headers.range);
    // A player asks for a recording piece by piece: each is logged, or whoever begins at the second byte is not.
    if ((reply.status ?? 200) < 300) logger.info({ ...who, range: request.headers.range }, 'recording fetched');
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
async function replyWith(file: OpenFile, range: string | undefined): Promise<SiteReply> {
  const type = audioType(await file.read(0, headerBytes));
  // Whatever a database says: nothing but audio leaves this way.
  if (type === undefined) return notFound;
  const reply = replyToRange(range, file.size, type);
  const { status, headers } = reply;
  if (!reply.range) return { status, headers };
  return { status, headers, body: Readable.from(streamOf(file, reply.range.start, reply.range.end + 1)) };
}

async function* streamOf(file: OpenFile, start: number, end: number): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* file.stream(start, end);
  } finally {
    await file.close();
  }
}
