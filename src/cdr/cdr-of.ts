/** From a call that is over to its record. */

import { encodingOf, type LegStats, type NegotiatedAudio } from '../../media/index.ts';
import type { CallSnapshot } from '../recovery/call-snapshot.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { RecordLeg } from '../registry/record-leg.ts';
import type { StoredDialog } from '../registry/stored-dialog.ts';
import type { LegBirth } from '../session/call-data.ts';
import type { Cdr, CdrGap, CdrLeg } from './cdr.ts';

/** @param statsOf the last that is known of the audio of a session */
export function cdrOf(
  record: DialogRecord,
  statsOf: (session: string) => LegStats | undefined,
  gaps: readonly CdrGap[],
): Cdr {
  const { id, hEntry, hId, fromUri, toUri, requestUri, initTs, startTs, endTs, duration, endedBy = 'local' } = record;
  return {
    ...{ id, hEntry, hId, fromUri, toUri, requestUri, duration, endedBy, gaps },
    beganAt: initTs,
    answeredAt: startTs,
    endedAt: endTs,
    // Of the leg that was hung up by its peer, and not of the one that we hung up then.
    cause: endedBy === 'local' ? (record.cause ?? { by: 'local' }) : { ...record.cause, by: 'remote' },
    legs: record.legs.map((leg) => legOf(leg, statsOf(leg.session.id))),
    recordings: [...new Set(record.legs.flatMap(({ session }) => session.recordedTo))],
    variables: Object.fromEntries(record.variables),
  };
}

function legOf({ session, birth }: RecordLeg, stats: LegStats | undefined): CdrLeg {
  return {
    callId: session.callId,
    ...urisOf(birth),
    codec: stats?.codec ?? codecOf(session.expectedAudio),
    mos: stats?.received.mos,
    packetsSent: stats?.sent.packets,
    packetsReceived: stats?.received.packets,
    packetsLost: stats?.received.lost,
  };
}

/**
 * Of a call that did not outlive its process.
 * @param call what the journal says of it; undefined where it says nothing that can be read
 * @param at Unix seconds of the last that is known of it
 */
export function crashedCdr(id: string, call: CallSnapshot | undefined, gaps: readonly CdrGap[], at: number): Cdr {
  const unknown: LegBirth = { direction: 'inbound', fromUri: '', toUri: '', requestUri: '' };
  const { hEntry = 0, hId = 0, birth = unknown, initTs = 0, startTs = 0, variables = [] } = call?.record ?? {};
  const { fromUri, toUri, requestUri } = birth;
  return {
    ...{ id, hEntry, hId, fromUri, toUri, requestUri, gaps },
    beganAt: initTs,
    answeredAt: startTs,
    endedAt: at,
    duration: startTs === 0 ? 0 : Math.max(0, at - startTs),
    cause: { by: 'crash', reason: 'the server ended in mid-call' },
    endedBy: 'local',
    legs: (call?.legs ?? []).map(({ session, birth: own }) => ({
      callId: session.callId,
      ...urisOf(own),
      codec: codecOf(session.media?.audio),
      ...{ mos: undefined, packetsSent: undefined, packetsReceived: undefined, packetsLost: undefined },
    })),
    recordings: (call?.legs ?? []).flatMap(({ session }) => session.recordedTo),
    variables: Object.fromEntries(variables),
  };
}

/** As `crashedCdr`, of a call of which only the database knows. */
export function storedCdr(id: string, stored: StoredDialog, at: number): Cdr {
  const { hEntry, hId, callId, caller, callee, requestUri, startTs, variables } = stored;
  const uris = { fromUri: caller.uri, toUri: callee.uri };
  const unknown = { mos: undefined, packetsSent: undefined, packetsReceived: undefined, packetsLost: undefined };
  return {
    ...crashedCdr(id, undefined, [], at),
    ...{ hEntry, hId, ...uris, requestUri },
    beganAt: startTs,
    answeredAt: startTs,
    duration: startTs === 0 ? 0 : Math.max(0, at - startTs),
    legs: [{ callId, ...urisOf({ direction: 'inbound', ...uris, requestUri }), codec: undefined, ...unknown }],
    variables: Object.fromEntries(variables),
  };
}

function urisOf({ direction, fromUri, toUri }: LegBirth): Pick<CdrLeg, 'direction' | 'localUri' | 'remoteUri'> {
  const [localUri, remoteUri] = direction === 'inbound' ? [toUri, fromUri] : [fromUri, toUri];
  return { direction, localUri, remoteUri };
}

function codecOf(audio: NegotiatedAudio | undefined): string | undefined {
  return audio && encodingOf(audio.codec);
}
