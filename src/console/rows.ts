/** From a call that runs to what the console shows of it in one line. */
import { encodingOf, type NegotiatedAudio } from '../../media/index.ts';
import type { DialogRecord } from '../registry/record.ts';
import type { DialogState } from '../registry/states.ts';
import { Conference } from '../session/conference.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { CallLeg, CallRow } from './protocol.ts';

const states: Readonly<Record<DialogState, CallRow['state']>> = {
  1: 'unconfirmed',
  2: 'early',
  3: 'confirmed_na',
  4: 'confirmed',
  5: 'deleted',
};

export interface RowContext {
  /** The record of a leg, if it is tracked. */
  recordOf(session: DialogSession): DialogRecord | undefined;
  /** How it sounds, as it was last measured. */
  mosOf(session: DialogSession): number | undefined;
}

export function rowId({ hEntry, hId }: DialogRecord): string {
  return `${hEntry}:${hId}`;
}

export function rowOf(record: DialogRecord, context: RowContext): CallRow {
  const { callId, fromUri, toUri, state, initTs, startTs, direction, caller, legs } = record;
  const running = legs.filter(({ isOver }) => !isOver);
  const shown = running.length > 0 ? running : legs;
  const sessions = shown.map(({ session }) => session);
  const bridged = sessions.find(({ bridge }) => bridge);
  const bridge = bridged?.bridge;
  return {
    id: rowId(record),
    callId,
    from: fromUri,
    to: toUri,
    state: states[state],
    startedAt: initTs * 1000,
    answeredAt: startTs === 0 ? undefined : startTs * 1000,
    direction: direction === 'inbound' ? 'in' : 'out',
    trunk: trunkOf(caller),
    legs: shown.map(({ session, birth }) =>
      legOf(session, session === caller, birth.direction === 'inbound' ? birth.fromUri : birth.toUri, context),
    ),
    bridge: bridge && bridged && otherCall(record, bridge.partnerOf(bridged), context),
    conference: bridge instanceof Conference ? bridge.name : undefined,
    recording: sessions.some(isRecorded),
    profiles: Object.fromEntries([...record.profiles].map(({ name, value }) => [name, value])),
  };
}

function legOf(session: DialogSession, isCaller: boolean, born: string, { mosOf }: RowContext): CallLeg {
  const { id, callId, transport, expectedAudio, held, signalling } = session;
  return {
    sessionId: id,
    side: isCaller ? 'caller' : 'callee',
    callId: signalling?.callId ?? callId,
    uri: signalling?.remote.uri ?? born,
    transport,
    codec: expectedAudio && encodingOf(expectedAudio.codec),
    secure: securityOf(expectedAudio),
    held: held !== undefined,
    mos: mosOf(session),
  };
}

function securityOf(audio: NegotiatedAudio | undefined): CallLeg['secure'] {
  if (audio?.dtls) return 'dtls';
  return audio?.srtp ? 'sdes' : 'none';
}

function trunkOf(caller: DialogSession | undefined): string | undefined {
  return caller && 'trunk' in caller && typeof caller.trunk === 'string' ? caller.trunk : undefined;
}

/** Two legs of one call are bridged as a rule: that says nothing. */
function otherCall(
  record: DialogRecord,
  partner: DialogSession | undefined,
  { recordOf }: RowContext,
): string | undefined {
  const other = partner && recordOf(partner);
  return other && other !== record ? rowId(other) : undefined;
}

function isRecorded({ mediaLeg }: DialogSession): boolean {
  return mediaLeg?.recordings.some(({ path }) => path !== undefined) ?? false;
}
