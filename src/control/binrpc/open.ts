/** The control server of a Tandem: BINRPC, as `kamcmd` and the command line speak it. */
import { createLogger, type Logger } from '../../base/log.ts';
import { packageVersion } from '../../base/node-package.ts';
import { coreCommands } from '../commands/core.ts';
import { ctlCommands } from '../commands/ctl.ts';
import { systemCommands } from '../commands/system.ts';
import { RpcMethods } from '../rpc/methods.ts';
import { printControlAddress } from './address.ts';
import { BinrpcServer } from './server.ts';

export interface ControlOptions {
  /** `unixs:path`, `unixd:path`, `tcp:host:port`, `udp:host:port`; TCP and UDP of this machine alone. */
  readonly listen: readonly string[];
  /** The commands; `core.*`, `system.*` and `ctl.*` are added. */
  readonly methods?: RpcMethods;
  readonly logger?: Logger;
}

export interface Control extends AsyncDisposable {
  /** As they are given to `kamcmd -s`, with the ports that were found for port 0. */
  readonly addresses: readonly string[];
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * Answers commands until it is closed. Who can open a socket may do everything: files are for their owner alone.
 * @throws ConfigError, TandemError ERR_SOCKET, ERR_SOCKET_IN_USE, ERR_PORT_IN_USE
 */
export async function openControl({ listen, methods, logger = createLogger() }: ControlOptions): Promise<Control> {
  const all = methods ?? new RpcMethods(logger);
  const server = new BinrpcServer({ methods: all, logger });
  all.add(
    ...ctlCommands(server),
    ...systemCommands(all),
    ...coreCommands({
      version: packageVersion(),
      platform: `${process.arch}/${process.platform}`,
      runtime: `Node.js ${process.versions.node}`,
      now: Date.now,
      uptime: process.uptime,
    }),
  );
  await server.open(listen);
  const close = (): Promise<void> => server.close();
  return { addresses: server.listeners.map(printControlAddress), close, [Symbol.asyncDispose]: close };
}
