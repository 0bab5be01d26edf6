/** WebSocket connections of Node.js. */
import { type RawData, WebSocket } from 'ws';
import type { WebSocketConnection, WebSockets } from './io.ts';

/** ms after which a peer that does not answer our close is cut off. */
const lingerMs = 2_000;
const noStatus = 1005;
const abnormal = 1006;

export const nodeWebSockets: WebSockets = {
  connect(url, { headers = {}, protocols = [], maxMessage, timeoutMs }, handler) {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, [...protocols], {
        headers,
        maxPayload: maxMessage,
        handshakeTimeout: timeoutMs,
        perMessageDeflate: false,
      });
    } catch (error) {
      setImmediate(() => handler.onClose(abnormal, error as Error));
      return { buffered: 0, send: () => {}, close: () => {} };
    }
    let failure: Error | undefined;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('open', () => handler.onOpen());
    socket.on('message', (data, isBinary) => handler.onMessage(isBinary ? bytesOf(data) : data.toString()));
    socket.on('close', (code) => handler.onClose(code === noStatus ? 1000 : code, failure));
    return connectionOf(socket);
  },
};

function connectionOf(socket: WebSocket): WebSocketConnection {
  let linger: NodeJS.Timeout | undefined;
  return {
    get buffered() {
      return socket.bufferedAmount;
    },
    send(message) {
      if (socket.readyState === WebSocket.OPEN) socket.send(message, () => {});
    },
    close(code) {
      if (linger) return;
      linger = setTimeout(() => socket.terminate(), lingerMs);
      socket.once('close', () => clearTimeout(linger));
      socket.close(code);
    },
  };
}

/** What `ws` hands over, whatever form it has. */
export function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
