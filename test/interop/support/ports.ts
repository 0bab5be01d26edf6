/** Ports for programs that cannot choose one by themselves. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * A port that is free for UDP and TCP right now, with the one behind it. Below the ephemeral range,
 * so that no other socket gets it by chance.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * randomInt(6000);
    if ((await Promise.all([port, port + 1].flatMap((one) => [isFreeUdp(one), isFreeTcp(one)]))).every(Boolean))
      return port;
  }
}

function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Whether some program has bound this local port. */
export function isBound(transport: 'udp' | 'tcp', port: number): boolean {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync(`/proc/net/${transport}`, 'latin1')
    .split('\n')
    .some((line) => line.trim().split(/\s+/)[1]?.endsWith(hex) === true);
}
