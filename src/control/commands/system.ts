/** `system.*`: which commands there are. */
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod, RpcMethods } from '../rpc/methods.ts';

export function systemCommands(methods: RpcMethods): RpcMethod[] {
  return [
    {
      name: 'system.listMethods',
      help: 'Lists all RPC methods supported by the server.',
      run: () => ({ list: methods.names }),
    },
    {
      name: 'system.methodHelp',
      help: 'Print the help string for given method.',
      run: (args) => {
        const name = args.optionalString();
        if (name === undefined) throw new RpcFault(400, 'Method Name Expected');
        const method = methods.get(name);
        if (!method) throw new RpcFault(400, 'command not found');
        return method.help;
      },
    },
    {
      // Kamailio lists it, and has nothing behind it either: arguments have no declared types.
      name: 'system.methodSignature',
      help: 'Returns signature for given method.',
      run: () => {
        throw new RpcFault(500, 'Not Implemented Yet');
      },
    },
  ];
}
