/** TCP sockets of Node.js. */
import { createConnection, createServer } from 'node:net';
import type { StreamBind, StreamConnection, StreamHandler, StreamServer, StreamTarget } from './network.ts';
import { listenOn } from './node-server.ts';
import { acceptSocket, connectSocket } from './node-socket.ts';

export function listenNodeTcp(
  bind: StreamBind,
  accept: (connection: StreamConnection) => StreamHandler,
): Promise<StreamServer> {
  const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => acceptSocket(socket, accept));
  return listenOn(server, bind);
}

export function connectNodeTcp(
  { address, port, localAddress }: StreamTarget,
  handler: StreamHandler,
): StreamConnection {
  const socket = createConnection({
    host: address,
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  return connectSocket(socket, 'connect', address, port, handler);
}
