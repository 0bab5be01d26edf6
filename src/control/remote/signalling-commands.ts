/** Commands that say something to the peer: answer, refuse, hold, transfer, end. */
import { TandemError } from '../../base/errors.ts';
import { DialogServerSession } from '../../session/dialog-server-session.ts';
import { mute } from '../commands/mute.ts';
import type { RpcContext } from '../rpc/methods.ts';
import type { Desk, Handlers } from './desk.ts';

type Names =
  | 'call.ringing'
  | 'call.answer'
  | 'call.reject'
  | 'call.redirect'
  | 'call.hold'
  | 'call.unhold'
  | 'call.mute'
  | 'call.transfer'
  | 'call.hangup';

export function signallingCommands(desk: Desk): Handlers<Names> {
  const incoming = (name: string, context: RpcContext): DialogServerSession => {
    const call = desk.use(name, context);
    if (call instanceof DialogServerSession) return call;
    throw new TandemError('ERR_STATE', 'this is for incoming calls', { facts: { callId: call.callId } });
  };
  return {
    'call.ringing': ({ call: name }, context) => {
      const call = incoming(name, context);
      return desk.inTurn(call, () => call.ringing());
    },
    'call.answer': ({ call: name }, context) => {
      const call = incoming(name, context);
      return desk.inTurn(call, () => call.answer());
    },
    'call.reject': ({ call: name, status, reason }, context) => {
      const call = incoming(name, context);
      return desk.inTurn(call, () => call.reject(status, reason));
    },
    'call.redirect': ({ call: name, uri }, context) => {
      const call = incoming(name, context);
      return desk.inTurn(call, () => call.redirect(uri));
    },
    'call.hold': ({ call: name, music }, context) => {
      const call = desk.use(name, context);
      const options = music === undefined ? {} : { music: desk.sounds.source(music) };
      return desk.inTurn(call, () => call.hold(options));
    },
    'call.unhold': ({ call: name }, context) => {
      const call = desk.use(name, context);
      return desk.inTurn(call, () => call.unhold());
    },
    'call.mute': ({ call: name, on }, context) => {
      const call = desk.use(name, context);
      return desk.inTurn(call, () => mute(call, on));
    },
    'call.transfer': ({ call: name, to, with: other, timeout, hangup, wait }, context) => {
      const call = desk.use(name, context);
      const consulted = other === undefined ? undefined : desk.use(other, context);
      return desk.operate(call, wait, {
        command: 'call.transfer',
        run: async (signal) => {
          const options = { signal, ...(timeout === undefined ? {} : { timeout }) };
          const target = consulted ? consulted.remoteTarget : to;
          if (target === undefined) throw new TandemError('ERR_STATE', 'the other call has no peer yet');
          const { status, reason } = await call.refer(
            target,
            consulted ? { ...options, replaces: consulted } : options,
          );
          if (hangup && status < 300) await call.hangup({ reason: 'transferred' });
          return { status, reason };
        },
      });
    },
    // Whoever's it is, and without waiting for what it is to end.
    'call.hangup': async ({ call: name, reason }) => {
      await desk.find(name).hangup(reason === undefined ? {} : { reason });
      return undefined;
    },
  };
}
