/** What a B2BUA knows of a call beyond what Kamailio's list shows: the `_ctx` commands add it. */
import { encodingOf, type LegStats } from '../../../media/index.ts';
import type { DialogRecord } from '../../registry/record.ts';
import type { DialogRegistry } from '../../registry/registry.ts';
import { Conference } from '../../session/conference.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { BridgeMembership } from '../../session/session-context.ts';
import type { RpcStruct } from '../rpc/value.ts';
import { dialogStruct, nullText } from './dialog-struct.ts';

/** Numbers for bridges: all legs in one show the same. */
export class BridgeNumbers {
  readonly #numbers = new WeakMap<BridgeMembership, number>();
  #last = 0;

  of(bridge: BridgeMembership): number {
    const number = this.#numbers.get(bridge) ?? ++this.#last;
    this.#numbers.set(bridge, number);
    return number;
  }
}

/** As `dialogStruct`, with the context of the call. */
export async function contextStruct(
  registry: DialogRegistry,
  bridges: BridgeNumbers,
  record: DialogRecord,
): Promise<RpcStruct> {
  const legs = await Promise.all(
    record.sessions.map(async (session): Promise<Leg> => ({ session, stats: await statsOf(session) })),
  );
  const own = dialogStruct(record);
  // The names of the list keep their meaning, whatever listeners call theirs.
  const told = Object.entries(registry.contextOf(record)).filter(([name]) => !(name in own));
  return { ...own, ...callContext(bridges, record, legs), ...Object.fromEntries(told) };
}

interface Leg {
  readonly session: DialogSession;
  readonly stats: LegStats | undefined;
}

/** @param legs those that there were when their figures were asked for */
function callContext(bridges: BridgeNumbers, record: DialogRecord, legs: readonly Leg[]): RpcStruct {
  const { caller, cause, endedBy } = record;
  const sessions = legs.map(({ session }) => session);
  const bridge = sessions.find((session) => session.bridge)?.bridge;
  return {
    direction: record.direction,
    answer_delay: record.startTs > 0 ? record.startTs - record.initTs : 0,
    ...(bridge && { bridge: bridges.of(bridge), transcoding: isTranscoded(sessions, bridge) ? 1 : 0 }),
    ...(bridge instanceof Conference && { conference: bridge.name }),
    ...(endedBy && { ended_by: endedBy }),
    ...(cause && { cause: cause.reason ?? cause.method ?? cause.by, cause_status: cause.status ?? 0 }),
    legs: legs.map(({ session, stats }) => legStruct(session, session === caller ? 'caller' : 'callee', stats)),
  };
}

/** Whether audio has to be converted between the legs of one bridge. */
function isTranscoded(sessions: readonly DialogSession[], bridge: BridgeMembership): boolean {
  if (bridge instanceof Conference) return true;
  const codecs = sessions.flatMap(({ bridge: own, expectedAudio }) =>
    own === bridge && expectedAudio ? [encodingOf(expectedAudio.codec)] : [],
  );
  return new Set(codecs).size > 1;
}

function legStruct(session: DialogSession, side: string, stats: LegStats | undefined): RpcStruct {
  const { signalling, expectedAudio } = session;
  return {
    side,
    'call-id': signalling?.callId ?? session.callId,
    local_tag: signalling?.local.tag ?? nullText,
    remote_tag: signalling?.remote.tag ?? nullText,
    remote_uri: signalling?.remote.uri ?? nullText,
    transport: session.transport,
    state: session.state,
    hold: session.held ?? 'none',
    ...(expectedAudio && {
      codec: encodingOf(expectedAudio.codec),
      media_direction: expectedAudio.direction,
      srtp: expectedAudio.srtp ? 1 : 0,
    }),
    ...(stats && { rtp: rtpStruct(stats) }),
  };
}

function rtpStruct({ received, sent, rtcp, latched }: LegStats): RpcStruct {
  return {
    received: received.packets,
    sent: sent.packets,
    lost: received.lost,
    out_of_order: received.outOfOrder,
    jitter_ms: tenths(received.jitterMs),
    ...(received.mos !== undefined && { mos: tenths(received.mos) }),
    ...(rtcp.remoteLost !== undefined && { remote_lost: rtcp.remoteLost }),
    ...(rtcp.roundTripMs !== undefined && { round_trip_ms: tenths(rtcp.roundTripMs) }),
    ...(latched && { remote: `${latched.address}:${latched.port}` }),
  };
}

/** Of a leg that has audio; a leg that ends meanwhile has none. */
async function statsOf(session: DialogSession): Promise<LegStats | undefined> {
  if (!session.expectedAudio) return undefined;
  return session.stats().catch(() => undefined);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
