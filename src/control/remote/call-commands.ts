/** Commands about calls themselves: which there are, whose they are, what hangs on them. */
import { TandemError } from '../../base/errors.ts';
import { StateError } from '../../session/errors.ts';
import { RpcFault } from '../rpc/fault.ts';
import { describe, describeAll } from './describe.ts';
import type { Desk, Handlers } from './desk.ts';

type Names = 'call.list' | 'call.get' | 'call.take' | 'call.release' | 'call.set_var' | 'call.get_var';

export function callRecordCommands(desk: Desk): Handlers<Names> {
  const { tandem, owners } = desk;
  return {
    'call.list': ({ parked }) => {
      const calls = parked ? tandem.parking.calls.map(({ call }) => call) : tandem.calls;
      return { list: describeAll(calls, desk) };
    },
    'call.get': ({ call: name }) => describe(desk.find(name), desk),
    'call.take': ({ call: name, force }, context) => {
      const call = desk.find(name);
      if (!tandem.parking.of(call)) throw new StateError(call.callId, 'the call is not parked');
      owners.take(call, context, force);
      return describe(call, desk);
    },
    'call.release': ({ call: name, result }, context) => {
      const call = desk.use(name, context);
      const parked = tandem.parking.of(call);
      if (!parked) throw new StateError(call.callId, 'the call is not parked');
      owners.leave(call);
      parked.release(result);
      return undefined;
    },
    'call.set_var': ({ call: name, name: variable, value }, context) => {
      const { variables } = desk.use(name, context);
      if (value === undefined) variables.delete(variable);
      else variables.set(variable, value);
      return undefined;
    },
    'call.get_var': ({ call: name, name: variable }) => {
      const value = desk.find(name).variables.get(variable);
      if (value !== undefined) return { value };
      const message = `the call has no variable ${variable}`;
      throw new RpcFault(404, message, new TandemError('ERR_VARIABLE_UNKNOWN', message));
    },
  };
}
