/** Commands that bring calls about, and bring them together. */
import type { Bridge } from '../../session/bridge.ts';
import { Conference } from '../../session/conference.ts';
import type { DialogClientSession, InviteOptions } from '../../session/dialog-client-session.ts';
import { StateError } from '../../session/errors.ts';
import type { ParkOptions } from '../../session/parking.ts';
import type { RpcStruct } from '../rpc/value.ts';
import type { Desk, Handlers } from './desk.ts';
import type { Params } from './params.ts';

type Names = 'call.originate' | 'call.bridge' | 'call.conference';

export function connectionCommands(desk: Desk): Handlers<Names> {
  const { tandem, owners, logger } = desk;

  /** Nobody's script has it: when it is given back, or left alone, it ends. */
  const keep = async (originated: DialogClientSession, { park }: Params<'call.originate'>): Promise<void> => {
    await using call = originated;
    try {
      await tandem.parking.park(call, (park ?? { taken: true }) as ParkOptions);
    } catch (error) {
      // Its end is the usual reason.
      if (!call.signal.aborted) logger.warn({ callId: call.callId, err: error }, 'a call could not be parked');
    }
  };

  return {
    'call.originate': async (params, context) => {
      const call = await tandem.newDialog(params.uri, inviteOptions(params));
      for (const [name, value] of Object.entries(params.variables ?? {})) call.variables.set(name, value);
      if (!params.park) owners.take(call, context);
      const operation = desk.operations.begin(call, {
        command: 'call.originate',
        run: async (stopped) => {
          await call.invite({ signal: stopped });
          await call.ack();
          return { call: call.id, callId: call.callId };
        },
      });
      operation.done.then(
        ({ end }) => (end === 'stopped' ? call[Symbol.asyncDispose]() : keep(call, params)),
        () => call[Symbol.asyncDispose](),
      );
      return { callId: call.callId, ...(await desk.reply(operation, params.wait)) };
    },
    'call.bridge': async ({ call: name, with: other, transcode, hangup, wait }, context) => {
      const [a, b] = [desk.use(name, context), desk.use(other, context)];
      const bridged = Promise.withResolvers<void>();
      const operation = desk.operations.begin(a, {
        command: 'call.bridge',
        beside: b,
        run: async (stopped, begun) => {
          const bridge = await tandem.bridge(a, b, { transcode });
          bridged.resolve();
          begun();
          return untilOver(bridge, stopped, hangup);
        },
      });
      await Promise.race([bridged.promise, operation.done]);
      return desk.reply(operation, wait);
    },
    'call.conference': ({ call: name, action, name: room, muted }, context) => {
      const call = desk.use(name, context);
      return desk.inTurn(call, async () => {
        if (action === 'join') await tandem.conference(room ?? '').add(call, { muted });
        else if (call.bridge instanceof Conference) call.bridge.remove(call);
        else throw new StateError(call.callId, 'the call is in no conference');
      });
    },
  };
}

/** @param hangup what is left of it ends with the one that ended */
async function untilOver(bridge: Bridge, stopped: AbortSignal, hangup: boolean): Promise<RpcStruct> {
  const calls = [...bridge.sessions];
  const stop = (): void => bridge.close();
  if (stopped.aborted) stop();
  stopped.addEventListener('abort', stop, { once: true });
  const { reason, session } = await bridge.ended;
  stopped.removeEventListener('abort', stop);
  if (hangup && reason === 'ended') await Promise.all(calls.map((call) => call.hangup()));
  return { end: reason === 'closed' ? 'stopped' : reason, ...(session ? { endedBy: session.id } : {}) };
}

function inviteOptions(params: Params<'call.originate'>): InviteOptions {
  const { from, displayName, timeout, headers, username, password, proxy, transport, codecs } = params;
  return {
    timeout,
    ...(from === undefined ? {} : { from }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(headers === undefined ? {} : { headers: Object.entries(headers) }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(transport === undefined ? {} : { transport }),
    ...(codecs === undefined ? {} : { codecs }),
  };
}
