/** A listening server of Node.js: bound, or why not; and closed once. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { addressFamily } from './address.ts';
import { listenError } from './listen-error.ts';
import type { StreamBind, StreamServer } from './network.ts';

/** Connections that the system holds until we take them. */
const backlog = 1024;
/** Whoever is in a handshake, or does not let go, is cut off so long after the close, ms. */
const lingerMs = 2_000;

/** @param parts what else the server can do */
export function listenOn(
  server: Server,
  bind: StreamBind,
  parts: { readonly secure?: StreamServer['secure']; readonly close?: () => void } = {},
): Promise<StreamServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(listenError(bind.transport, bind, error));
    server.once('error', fail);
    server.listen({ host: bind.host, port: bind.port, ipv6Only: addressFamily(bind.host) === 6, backlog }, () => {
      server.off('error', fail);
      // Failed accepts (out of descriptors): the listener goes on.
      server.on('error', () => {});
      const { address, port } = server.address() as AddressInfo;
      let closing: Promise<void> | undefined;
      resolve({
        host: address,
        port,
        secure: parts.secure ?? (() => {}),
        close: () => {
          closing ??= new Promise((done) => {
            const timer = setTimeout(() => {
              for (const socket of sockets) socket.destroy();
            }, lingerMs);
            server.close(() => {
              clearTimeout(timer);
              done();
            });
            parts.close?.();
          });
          return closing;
        },
      });
    });
  });
}
