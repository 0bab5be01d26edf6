/**
 * Transfers that are done here: the session of the peer that leaves goes on with another peer, so that its bridge, its
 * handler and its record stay (RFC 5589, RFC 3891).
 */
import type { HeaderField } from '../sip/message.ts';
import { printReplaces, type Replaces } from '../sip/replaces.ts';
import { prepareLike } from './bridge.ts';
import type { DialogClientSession, InviteOptions, InviteTarget } from './dialog-client-session.ts';
import type { DialogServerSession } from './dialog-server-session.ts';
import type { DialogSession } from './dialog-session.ts';
import { StateError } from './errors.ts';
import { fork, targetsOf } from './fork.ts';
import { failureOf, type IncomingRefer, type TransferOptions } from './refer-in.ts';
import type { Vacancy } from './vacancy.ts';

export interface TransferContext {
  /** Makes an outgoing leg. */
  leg(target: InviteTarget, options: InviteOptions): DialogClientSession;
  /** A URI of one peer as another may see it. */
  shown(uri: string): string;
  /** The session whose dialog that is. */
  find(replaces: Replaces): DialogSession | undefined;
}

/** How long a target may ring, ms. */
const ringMs = 60_000;

/** What BYE tells the peer that was replaced (RFC 3326). */
const transferred = { by: 'local', reason: 'transferred' } as const;

/**
 * @param session whose peer wants to leave
 * @throws what the call to the target throws; all is as it was then
 */
export async function executeTransfer(
  context: TransferContext,
  session: DialogSession,
  refer: IncomingRefer,
  options: TransferOptions,
): Promise<void> {
  const other = partnerOf(session);
  refer.accept();
  // Many phones hang up as soon as their REFER is accepted.
  const vacancy = session.awaitSuccessor(() =>
    other.state === 'ended' ? undefined : other.ringtone().playBackground(),
  );
  try {
    const named = refer.replaces && context.find(refer.replaces);
    if (named) await joinCalls(session, other, named, refer);
    else await callTarget(context, session, other, refer, options);
  } finally {
    vacancy.release();
  }
}

async function callTarget(
  context: TransferContext,
  session: DialogSession,
  other: DialogSession,
  refer: IncomingRefer,
  options: TransferOptions,
): Promise<void> {
  const { to = refer.target, timeout = ringMs, headers = [], ...account } = options;
  const targets = targetsOf(to);
  if (targets.length === 0) throw new StateError(session.callId, 'there is nobody to call', 480);
  const legs: DialogClientSession[] = [];
  try {
    for (const target of targets) {
      const leg = context.leg(target, {
        ...account,
        timeout,
        call: session,
        originator: other,
        transcode: session.bridge?.transcodes ?? false,
        ...(other.remoteUri === undefined ? {} : { from: context.shown(other.remoteUri) }),
        // What the first caller said of itself says nothing of who is transferred.
        passHeaders: [],
        headers: [
          referredBy(context, session, refer),
          ...(refer.replaces ? ([['Replaces', printReplaces(refer.replaces)]] as const) : []),
          ...headers,
        ],
        onResponse: ({ status, reason }) => {
          if (status < 200) refer.notify(status, reason);
        },
      });
      legs.push(leg);
    }
    const answered = await fork(legs, 'parallel', { signal: AbortSignal.any([session.signal, other.signal]) });
    await succeed(session, answered, refer);
  } finally {
    // The one that was taken over is over already, and its peer is another session's.
    await Promise.all(legs.map((leg) => leg.close()));
  }
}

/** An attended transfer between two calls that are both here: nobody has to be called. */
async function joinCalls(
  session: DialogSession,
  other: DialogSession,
  replaced: DialogSession,
  refer: IncomingRefer,
): Promise<void> {
  const refusal = replaced === session ? 603 : replaceRefusal(replaced, refer.replaces?.earlyOnly ?? false);
  if (refusal) throw new StateError(replaced.callId, 'the call cannot be replaced', refusal);
  const target = replaced.bridge?.partnerOf(replaced);
  if (target) {
    await succeed(session, target, refer);
    await replaced.terminate(transferred);
    return;
  }
  // Nobody is behind it but a script: who is transferred talks with that from now on.
  const vacancy = replaced.awaitSuccessor(() => undefined);
  try {
    // Without its other leg the session may be hung up at once, and who asked would never know.
    refer.notify(200);
    await refer.told();
    await Promise.all([replaced.takeOver(other)(), session.terminate(transferred)]);
  } finally {
    vacancy.release();
  }
}

/** The session goes on with the target's peer. Its own is told so, and then hung up. */
async function succeed(session: DialogSession, target: DialogSession, refer: IncomingRefer): Promise<void> {
  await session.bridge?.admit(session, target);
  const leave = session.takeOver(target);
  refer.notify(200);
  await refer.told();
  await leave();
}

/** The other leg does it by itself; what it tells is told to the peer. @throws as `DialogSession.refer` */
export async function passTransfer(
  context: TransferContext,
  session: DialogSession,
  refer: IncomingRefer,
  options: TransferOptions,
): Promise<void> {
  const other = partnerOf(session);
  refer.accept();
  const { to = refer.target, headers = [], timeout } = options;
  const [first = refer.target] = targetsOf(to);
  // A call that is here has another name on its other side.
  const named = refer.replaces && context.find(refer.replaces);
  const target = named?.bridge?.partnerOf(named);
  const replaces = target ?? refer.replaces;
  const { status, reason } = await other.refer(
    target?.remoteTarget ?? (typeof first === 'string' ? first : first.uri),
    {
      headers: [referredBy(context, session, refer), ...headers],
      ...(timeout === undefined ? {} : { timeout }),
      ...(replaces ? { replaces } : {}),
      signal: session.signal,
      onNotify: (progress) => refer.notify(progress.status, progress.reason),
    },
  );
  refer.notify(status, reason);
}

/** Why an INVITE cannot take the place of this session's peer (RFC 3891 §3); undefined if it can. */
export function replaceRefusal({ state }: DialogSession, earlyOnly: boolean): number | undefined {
  if (state === 'ended') return 603;
  if (state === 'answered') return 491;
  // One that still rings was not begun by us, or has nobody yet whose place could be taken.
  if (state !== 'confirmed') return 481;
  return earlyOnly ? 486 : undefined;
}

/**
 * An INVITE with Replaces: its caller takes the place of the session's peer (RFC 3891 §3).
 * @param call made of the INVITE; the session goes on with its dialog, or it is refused
 */
export async function replacePeer(session: DialogSession, call: DialogServerSession): Promise<void> {
  let vacancy: Vacancy | undefined;
  try {
    vacancy = session.awaitSuccessor(() => undefined);
    const other = session.bridge?.partnerOf(session);
    if (other) await prepareLike(call, other, session.bridge?.transcodes ?? false);
    if (!call.isAnswered) await call.answer();
    await session.takeOver(call)();
  } catch (error) {
    const { status, reason } = failureOf(error);
    if (call.state !== 'ended' && !call.isAnswered) await call.reject(status, reason);
  } finally {
    vacancy?.release();
    await call.close();
  }
}

function partnerOf(session: DialogSession): DialogSession {
  const other = session.bridge?.partnerOf(session);
  if (!other) throw new StateError(session.callId, 'there is no other leg to be transferred', 603);
  return other;
}

/** RFC 3892, as the target may see it. */
function referredBy(context: TransferContext, session: DialogSession, refer: IncomingRefer): HeaderField {
  return [
    'Referred-By',
    `<${context.shown(refer.referredBy ?? session.remoteUri ?? 'sip:anonymous@anonymous.invalid')}>`,
  ];
}
