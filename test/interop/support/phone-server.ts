/** The ready-made server with the users of the quick reference, and where its softphone page is. */
import { writeFile } from 'node:fs/promises';
import { temporaryFolder } from './folder.ts';
import { freePort } from './ports.ts';
import { type ServerOptions, TandemServer } from './tandem.ts';

export const passwords = { 5001: 'Genesys2024!WebRTC', 5002: 'two', 5003: 'three' } as const;

export interface PhoneServer extends AsyncDisposable {
  readonly tandem: TandemServer;
  /** Of the page. */
  readonly url: string;
}

export interface PhoneServerOptions extends Omit<ServerOptions, 'listen' | 'http'> {
  /** More lines of its configuration. */
  readonly config?: readonly string[];
  /** Address of its SIP; default 127.0.0.1. */
  readonly host?: string;
  /** Of its WebSocket; default any. */
  readonly wsPort?: number;
}

export async function startPhoneServer({
  config = [],
  host = '127.0.0.1',
  wsPort = 0,
  ...options
}: PhoneServerOptions = {}): Promise<PhoneServer> {
  const folder = await temporaryFolder();
  const users = Object.entries(passwords).map(([user, password]) => `  "${user}": { password: "${password}" }`);
  await writeFile(folder.file('tandem.yaml'), ['users:', ...users, ...config, ''].join('\n'));
  const http = `127.0.0.1:${await freePort()}`;
  const tandem = await TandemServer.start(['ivr', '--config', folder.file('tandem.yaml')], {
    ...options,
    listen: [`udp:${host}:0`, `ws:${host}:${wsPort}`],
    http,
  });
  return {
    tandem,
    url: `http://${http}/phone`,
    [Symbol.asyncDispose]: async () => {
      await tandem[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
