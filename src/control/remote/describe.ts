/** A call as controllers see it. */
import { Conference } from '../../session/conference.ts';
import { DialogServerSession } from '../../session/dialog-server-session.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { RpcStruct, RpcValue } from '../rpc/value.ts';
import type { Desk } from './desk.ts';

export function describe(call: DialogSession, { tandem, operations }: Desk): RpcStruct {
  const { bridge } = call;
  const parked = tandem.parking.of(call);
  const inConference = bridge instanceof Conference;
  return known({
    call: call.id,
    callId: call.callId,
    direction: call instanceof DialogServerSession ? 'inbound' : 'outbound',
    state: call.state,
    fromUser: call.fromUser,
    toUser: call.toUser,
    remoteUri: call.remoteUri,
    transport: call.transport,
    codec: call.expectedAudio?.codec.name,
    held: call.held,
    bridge: inConference ? undefined : bridge?.partnerOf(call)?.id,
    conference: inConference ? bridge.name : undefined,
    parked: parked && (parked.taken ? 'taken' : 'waiting'),
    name: parked?.name,
    operations: operations.of(call).map(({ id, command }) => ({ operation: id, command })),
  });
}

/** Each as it is when it is its turn. */
export function* describeAll(calls: readonly DialogSession[], desk: Desk): Generator<RpcStruct> {
  for (const call of calls) yield describe(call, desk);
}

function known(values: Readonly<Record<string, RpcValue | undefined>>): RpcStruct {
  return Object.fromEntries(Object.entries(values).filter((one): one is [string, RpcValue] => one[1] !== undefined));
}
