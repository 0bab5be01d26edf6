/** TLS sockets of Node.js. */
import { connect, createServer } from 'node:tls';
import { hostPort } from './address.ts';
import type {
  StreamBind,
  StreamConnection,
  StreamHandler,
  StreamServer,
  StreamTarget,
  TlsServerOptions,
} from './network.ts';
import { listenOn } from './node-server.ts';
import { acceptSocket, connectSocket } from './node-socket.ts';
import { clientOptions, refuseStrangers, ServerContexts, serverOptions } from './tls.ts';

/** @throws TandemError ERR_TLS */
export async function listenNodeTls(
  bind: StreamBind & { readonly tls: TlsServerOptions },
  accept: (connection: StreamConnection) => StreamHandler,
): Promise<StreamServer> {
  const contexts = new ServerContexts(`tls ${hostPort(bind.host, bind.port)}`, bind.tls);
  const server = createServer({ ...serverOptions(bind.tls, contexts), noDelay: true, allowHalfOpen: false });
  refuseStrangers(server);
  server.on('secureConnection', (socket) => acceptSocket(socket, accept));
  // Whoever does not come through the handshake is closed, and that is all.
  server.on('tlsClientError', () => {});
  return listenOn(server, bind, {
    secure: (tls) => {
      contexts.use(tls);
      server.setSecureContext(serverOptions(tls, contexts));
    },
  });
}

export function connectNodeTls(
  { address, port, localAddress, tls = { name: address } }: StreamTarget,
  handler: StreamHandler,
): StreamConnection {
  const socket = connect({
    host: address,
    port,
    ...clientOptions(tls),
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.setNoDelay(true);
  return connectSocket(socket, 'secureConnect', address, port, handler);
}
