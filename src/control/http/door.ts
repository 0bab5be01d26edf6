/** A listener of somebody else, as that of SIP over `wss`, through which HTTP comes in as well. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpTaker } from '../../sip/transport/network.ts';

/** Given to the listener first, and to HTTP when it is opened; in between it is 503. */
export class HttpDoor implements HttpTaker {
  /** Only this machine gets to the listener. */
  readonly local: boolean;
  taker: HttpTaker | undefined;

  constructor(local: boolean) {
    this.local = local;
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    if (this.taker) this.taker.request(request, response);
    else response.writeHead(503, { connection: 'close', 'retry-after': '1' }).end();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.taker) {
      this.taker.upgrade(request, socket, head);
      return;
    }
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }
}
