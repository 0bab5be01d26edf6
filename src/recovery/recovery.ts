/** Builds the calls of an earlier process again: dialogs, audio, bridges and conferences go on where they were. */
import { isDeepStrictEqual } from 'node:util';
import { type LegSnapshot, type Media, type MediaLeg, unpackSaved } from '../../media/index.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogRegistry } from '../registry/registry.ts';
import { Bridge } from '../session/bridge.ts';
import { Conference } from '../session/conference.ts';
import type { Conferences } from '../session/conferences.ts';
import type { DialogClientSession } from '../session/dialog-client-session.ts';
import { DialogServerSession } from '../session/dialog-server-session.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { Legs } from '../session/legs.ts';
import type { Membership } from '../session/session-snapshot.ts';
import type { Dialog, DialogSnapshot } from '../sip/dialog.ts';
import type { SipEndpoint } from '../sip/endpoint.ts';
import type { HeaderField } from '../sip/message.ts';
import { type CallLeg, type CallSnapshot, unpackCall } from './call-snapshot.ts';
import type { FoundCall } from './journal/journal.ts';
import { callPart, mediaPart } from './recorder.ts';

export type RecoveredSession = DialogServerSession | DialogClientSession;

/** A call that goes on. */
export interface RecoveredCall {
  readonly record: DialogRecord;
  /** Those that go on, the first one first. */
  readonly sessions: readonly RecoveredSession[];
  /** Its parts in the journal. */
  readonly found: FoundCall;
  /** Unix ms of the last that is known of it. */
  readonly since: number;
}

/** A call as the journal has it. */
interface ReadCall {
  readonly found: FoundCall;
  /** Undefined: it cannot be read. */
  readonly call: CallSnapshot | undefined;
}

/** A call that cannot go on: both ends have been told, as far as they can be reached. */
export interface UnrecoveredCall extends ReadCall {
  readonly reason: string;
}

export interface RecoveryReport {
  readonly recovered: readonly RecoveredCall[];
  readonly lost: readonly UnrecoveredCall[];
  /** What was over already, and was kept for others. */
  readonly over: readonly FoundCall[];
}

export interface RecoveryPorts {
  readonly registry: DialogRegistry;
  readonly endpoint: SipEndpoint;
  readonly media: Media;
  readonly legs: Legs;
  readonly conferences: Conferences;
  readonly logger: Logger;
  /** Unix ms. */
  wallclock(): number;
  background(work: Promise<unknown>): void;
}

/** What a peer is told whose call is over. */
export const farewell: readonly HeaderField[] = [['Reason', 'SIP;cause=500;text="server restarted"']];

interface LegAlive {
  readonly of: CallLeg;
  readonly dialog: Dialog;
  readonly media: MediaLeg;
  /** Unix ms of the state of its media. */
  readonly since: number;
}

/**
 * To be called when sockets are bound and nothing is read from them yet: a request of a peer finds its dialog.
 * Never rejects: what is wrong with one call costs that call.
 */
export async function recoverCalls(found: readonly FoundCall[], ports: RecoveryPorts): Promise<RecoveryReport> {
  const memberships = new Map<DialogSession, Membership>();
  const began = found.filter(({ parts }) => parts.has(callPart));
  const calls = began.map((one) => ({ found: one, call: unpackCall(one.parts.get(callPart) ?? new Uint8Array()) }));
  const results = await Promise.all(
    calls.map((one) =>
      recoverCall(one, ports, memberships).catch((error: unknown): UnrecoveredCall => {
        failed(one, error, ports);
        return { ...one, reason: messageOf(error) };
      }),
    ),
  );
  const recovered = results.filter((result): result is RecoveredCall => 'record' in result);
  await connect(memberships, ports);
  for (const { record } of recovered) record.loaded();
  // At last: what they are answered is read at once, and who answers in time is not taken for silent.
  for (const one of calls) {
    try {
      finish(one, ports);
    } catch (error) {
      failed(one, error, ports);
    }
  }
  const lost = results.filter((result): result is UnrecoveredCall => !('record' in result));
  return { recovered, lost, over: found.filter(({ parts }) => !parts.has(callPart)) };
}

async function recoverCall(
  { found, call }: ReadCall,
  ports: RecoveryPorts,
  memberships: Map<DialogSession, Membership>,
): Promise<RecoveredCall | UnrecoveredCall> {
  if (!call) return { found, call, reason: 'its state cannot be read' };
  const alive = await Promise.all(call.legs.filter(isUp).map((leg) => legAgain(leg, found, ports)));
  const legs = alive.filter((leg) => leg !== undefined);
  if (legs.length === 0) return { found, call, reason: alive.length === 0 ? 'it was not answered' : 'no leg goes on' };
  const record = ports.registry.restore(call.record);
  if (!record) {
    for (const { of, dialog, media } of legs) ports.background(giveUp(dialog, of.session.dialog, media));
    return { found, call, reason: 'another call has its number' };
  }
  const sessions: RecoveredSession[] = [];
  for (const { of, dialog, media } of legs) {
    const { session, birth } = of;
    const beside = session.part.kind === 'client' ? byId(sessions, session.part.madeFor) : undefined;
    const again = ports.legs.again({ session, birth, dialog, data: record, leg: media, beside });
    if (beside instanceof DialogServerSession && !(again instanceof DialogServerSession)) beside.adoptLeg(again);
    if (session.membership) memberships.set(again, session.membership);
    sessions.push(again);
    dialog.ack();
    ports.background(again.reachPeer());
  }
  return { record, sessions, found, since: Math.max(call.at, ...legs.map(({ since }) => since)) };
}

function failed({ found }: ReadCall, error: unknown, { logger }: RecoveryPorts): void {
  logger.error({ call: found.call, err: error, error: messageOf(error) }, 'a call cannot be recovered');
}

function isUp({ session, isLeaving }: CallLeg): boolean {
  return !isLeaving && session.dialog !== undefined && session.media?.audio !== undefined;
}

/** Transactions that were open: who is at their other end learns what became of them. */
function finish({ call }: ReadCall, { endpoint, background }: RecoveryPorts): void {
  for (const { session, isLeaving } of call?.legs ?? []) {
    const { unfinished, part, dialog } = session;
    if (isLeaving) {
      if (dialog) void endpoint.restore({ ...dialog, state: 'confirmed' })?.bye(farewell);
    } else if (unfinished) {
      if (part.kind === 'server') endpoint.refuse(unfinished);
      else endpoint.takeBack(unfinished);
    } else if (dialog && !session.media?.audio) {
      // Answered, and no audio was settled yet: it waits for the ACK with an answer to our offer.
      const restored = endpoint.restore(dialog);
      if (restored) background(giveUp(restored, dialog, undefined));
    }
  }
}

/** @returns undefined when it is over: its peer has been told, if it could be */
async function legAgain(leg: CallLeg, found: FoundCall, ports: RecoveryPorts): Promise<LegAlive | undefined> {
  const { media: settled, dialog: state } = leg.session;
  const dialog = state && ports.endpoint.restore(state);
  if (!dialog || !settled) return undefined;
  try {
    const packed = found.parts.get(mediaPart(settled.leg));
    if (!packed) throw new Error('there is no state of its media');
    const snapshot = withoutHandles(unpackSaved(packed).snapshot);
    if (snapshot.recordings.some(({ path }) => path === undefined))
      ports.logger.warn({ callId: leg.session.callId }, 'a recording to a stream has ended with its process');
    const { bindAddress, identity } = settled;
    const media = await ports.media.createLeg({
      ...{ bindAddress, callId: leg.session.callId, snapshot },
      ...(identity ? { identity } : {}),
    });
    if (settled.audio && !isDeepStrictEqual(media.audio, settled.audio)) media.negotiate(settled.audio, identity);
    return { of: leg, dialog, media, since: snapshot.takenAt };
  } catch (error) {
    ports.logger.warn(
      { callId: leg.session.callId, error: messageOf(error) },
      'the media of a leg cannot be recovered',
    );
    ports.background(giveUp(dialog, state, undefined));
    return undefined;
  }
}

/** What had a handle in the earlier process is nobody's now. */
function withoutHandles(snapshot: LegSnapshot): LegSnapshot {
  return {
    ...snapshot,
    dtmf: { ...snapshot.dtmf, sending: undefined },
    analyses: [],
    playback: undefined,
    bridge: undefined,
  };
}

/** To go on behind all others: no answer is read yet. */
function giveUp(dialog: Dialog, state: DialogSnapshot | undefined, media: MediaLeg | undefined): Promise<unknown> {
  // RFC 3261 §15: a BYE of ours waits for the ACK to our 2xx, which may have to be sent again for that.
  if (state?.answer)
    dialog.acks.answerAgain(
      state.answer,
      () => {},
      () => {},
    );
  return Promise.all([dialog.bye(farewell), media?.close()]);
}

/** Who talked to whom does so again. */
async function connect(memberships: ReadonlyMap<DialogSession, Membership>, ports: RecoveryPorts): Promise<void> {
  const sessions = [...memberships.keys()];
  const connected = [...memberships].map(async ([session, membership]) => {
    if (membership.kind === 'bridge') bridgeAgain(session, membership, sessions, ports.media);
    else await joinAgain(session, membership, ports.conferences);
  });
  for (const [index, { status, ...result }] of (await Promise.allSettled(connected)).entries())
    if (status === 'rejected' && 'reason' in result)
      ports.logger.warn(
        { callId: sessions[index]?.callId, error: messageOf(result.reason) },
        'a bridge or conference goes on without a call',
      );
  for (const [session, membership] of memberships) {
    const to = membership.kind === 'conference' ? byId(sessions, membership.whispersTo) : undefined;
    if (to && session.bridge instanceof Conference && session.bridge === to.bridge) session.bridge.whisper(session, to);
  }
}

function bridgeAgain(
  session: DialogSession,
  { partner: name, dtmf, transcode, reinvites }: Extract<Membership, { kind: 'bridge' }>,
  sessions: readonly DialogSession[],
  media: Media,
): void {
  const partner = byId(sessions, name);
  if (!partner || session.bridge || partner.bridge) return;
  const bridge = new Bridge(media, { dtmf, transcode, reinvites });
  bridge.add(session);
  bridge.add(partner);
}

async function joinAgain(
  session: DialogSession,
  { name, maxMembers, keepOpen, muted }: Extract<Membership, { kind: 'conference' }>,
  conferences: Conferences,
): Promise<void> {
  const options = { keepOpen, ...(maxMembers === undefined ? {} : { maxMembers }) };
  await conferences.get(name, options).add(session, { muted });
}

function byId<T extends DialogSession>(sessions: readonly T[], id: string | undefined): T | undefined {
  return sessions.find((session) => session.id === id);
}
