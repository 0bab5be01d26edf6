/** Mailboxes to look into and to listen to. What changes them goes by the commands `voicemail.mark` and `voicemail.delete`. */
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type SiteReply, type SiteRequest, type SiteRoute, whoIs } from '../control/http/site.ts';
import type { MailboxInfo, VoicemailPage } from './protocol.ts';
import { audioType, replyToRange } from './range.ts';
import type { PbxSubject, WatchedMailbox } from './subject.ts';

export interface VoicemailDeps {
  readonly subject: Pick<PbxSubject, 'mailboxes'>;
  readonly logger: Logger;
}

const prefix = '/console/voicemail';
const notFound = { status: 404, body: { error: 'no such message' } } as const;
/** Messages are private: nobody keeps a copy on the way. */
const noStore = { 'cache-control': 'no-store' } as const;

export function voicemailRoutes(deps: VoicemailDeps): readonly SiteRoute[] {
  return [
    { method: 'GET', path: prefix, answer: () => list(deps) },
    { method: 'GET', path: `${prefix}/*`, answer: (request) => sound(deps, request) },
  ];
}

async function list({ subject, logger }: VoicemailDeps): Promise<SiteReply> {
  const boxes = await Promise.all(subject.mailboxes.map((box) => boxInfo(box, logger)));
  const page: VoicemailPage = { boxes: boxes.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })) };
  return { headers: noStore, body: page };
}

/** One that cannot be read hides none of the others. */
async function boxInfo(box: WatchedMailbox, logger: Logger): Promise<MailboxInfo> {
  const { name } = box;
  try {
    const messages = await box.messages();
    const saved = messages.filter(({ state }) => state === 'saved').length;
    return {
      ...{ name, new: messages.length - saved, saved },
      messages: messages.toReversed().map(({ id, at, durationMs, from = '', fromName = '', state }) => {
        return { id, at, durationMs, from, fromName, state };
      }),
    };
  } catch (error) {
    logger.warn({ box: name, error: messageOf(error) }, 'a mailbox cannot be listed');
    // Without the path that the error names.
    return { name, new: 0, saved: 0, messages: [], problem: 'its folder cannot be read: see the log of the server' };
  }
}

async function sound({ subject, logger }: VoicemailDeps, request: SiteRequest): Promise<SiteReply> {
  const { admission, visitor, path, headers } = request;
  const [, name, id] = /^\/([^/]{1,600})\/(\d{13,16}-[0-9a-f]{8})$/.exec(path.slice(prefix.length)) ?? [];
  const box = name === undefined ? undefined : subject.mailboxes.find((one) => one.name === decoded(name));
  if (!box || id === undefined) return notFound;
  const who = { ...whoIs(admission, visitor), box: box.name, message: id };
  if (!('role' in admission) || admission.role !== 'control') {
    logger.warn(who, 'may not hear a voicemail message');
    return { status: 403, body: { error: 'hearing messages takes the role control' } };
  }
  try {
    const file = await box.read(id);
    const type = audioType(file);
    if (type === undefined) return notFound;
    const reply = replyToRange(headers.range, file.length, type);
    if (!reply.range) return { status: reply.status, headers: reply.headers };
    // Each part: else who begins at the second byte would not be seen.
    logger.info({ ...who, range: headers.range }, 'voicemail message fetched');
    const body = file.subarray(reply.range.start, reply.range.end + 1);
    return { status: reply.status, headers: { ...reply.headers, ...noStore }, body };
  } catch (error) {
    logger.warn({ ...who, error: messageOf(error) }, 'a voicemail message cannot be read');
    return notFound;
  }
}

/** As it is where it is no percent-encoding: no mailbox has such a name. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
