/** Asks a control server one command over BINRPC: a unix stream, TCP or UDP. */
import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { TandemError } from '../../base/errors.ts';
import type { RpcScalar } from '../rpc/value.ts';
import { type ControlAddress, type PortAddress, printControlAddress } from './address.ts';
import {
  type Answer,
  maxReplyBytes,
  type Packet,
  PacketReader,
  readAnswer,
  readPacket,
  writeRequest,
} from './packet.ts';

export interface AskOptions {
  readonly method: string;
  readonly args: readonly RpcScalar[];
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** 0 to 2³² - 1, which the answer has to bring back. */
  readonly cookie: number;
}

interface Exchange {
  readonly request: Uint8Array;
  /** Given bytes of the peer; settles the exchange when they make its answer, or none. */
  readonly settle: (result: Packet | Error | undefined) => void;
}

/** @throws TandemError ERR_CONTROL when there is no answer, ERR_ARGUMENT when the request is too long */
export async function askBinrpc(address: ControlAddress, options: AskOptions): Promise<Answer> {
  const { method, args, timeoutMs, cookie } = options;
  const request = writeRequest(cookie, method, args);
  if (!request) throw new TandemError('ERR_ARGUMENT', 'the arguments are longer than BINRPC carries (64 KiB)');
  const at = printControlAddress(address);
  const failed = (why: string, cause?: unknown): TandemError =>
    new TandemError('ERR_CONTROL', `no answer from ${at}: ${why}`, { cause });

  const { promise, resolve, reject } = Promise.withResolvers<Packet>();
  const timer = setTimeout(() => reject(failed(`none within ${timeoutMs} ms`)), timeoutMs);
  const settle = (result: Packet | Error | undefined): void => {
    if (result instanceof Error) reject(failed(result.message, result));
    else if (!result) reject(failed('it does not speak BINRPC'));
    else resolve(result);
  };
  const end =
    address.transport === 'udp' ? overUdp(address, { request, settle }) : overStream(address, { request, settle });
  try {
    const packet = await promise;
    const answer = readAnswer(packet);
    if (packet.cookie !== cookie || !answer) throw failed('what it sent is no answer');
    return answer;
  } finally {
    clearTimeout(timer);
    end();
  }
}

function overStream(address: ControlAddress, { request, settle }: Exchange): () => void {
  const socket = createConnection('path' in address ? { path: address.path } : address);
  const reader = new PacketReader(maxReplyBytes);
  socket.on('connect', () => socket.write(request));
  socket.on('data', (chunk) => {
    for (const packet of reader.push(chunk)) settle(packet);
  });
  socket.on('end', () => settle(new Error('it closed the connection')));
  socket.on('error', settle);
  return () => socket.destroy();
}

function overUdp({ host, port }: PortAddress, { request, settle }: Exchange): () => void {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', settle);
  socket.on('message', (bytes) => settle(readPacket(bytes)));
  // Connected, it hears of a port that nobody listens on.
  socket.connect(port, host, () => socket.send(request));
  return () => socket.close();
}
