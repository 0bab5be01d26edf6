/** `ctl.*`: what the control server listens on, and who is connected. */
import type { ControlAddress } from '../binrpc/address.ts';
import type { ControlConnection } from '../binrpc/server.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';

export interface ControlSubject {
  readonly listeners: readonly ControlAddress[];
  readonly connections: readonly ControlConnection[];
}

const names = { unixs: 'unix_stream', unixd: 'unix_dgram', tcp: 'tcp', udp: 'udp' } as const;

export function ctlCommands(subject: ControlSubject): RpcMethod[] {
  return [
    {
      name: 'ctl.listen',
      help: 'list ctl listen sockets',
      run: () => ({
        list: subject.listeners.flatMap((one) => ['binrpc', names[one.transport], ...end(one)]),
      }),
    },
    {
      name: 'ctl.who',
      help: 'list open connections',
      run: () => {
        if (subject.connections.length === 0) throw new RpcFault(400, 'no open stream connection');
        return {
          list: subject.connections.flatMap(({ remote, listener }) => [
            ...['binrpc', names[listener.transport]],
            ...(remote ? [remote.host, String(remote.port)] : ['<anonymous unix socket>', '']),
            ...end(listener),
          ]),
        };
      },
    },
    {
      name: 'ctl.connections',
      help: 'returns number of open connections',
      run: () => subject.connections.length,
    },
  ];
}

/** As Kamailio prints one end: an address and a port, which a file lacks. */
function end(address: ControlAddress): [string, string] {
  return 'path' in address ? [address.path, ''] : [address.host, String(address.port)];
}
