/** What a call uses is killed under it, really: the call goes on, and the script has a typed error. */
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { wavHeader } from '../../media/audio/index.ts';
import { espeakNg } from '../../src/base/node-espeak.ts';
import type { DialogServerSession, TandemOptions } from '../../src/index.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { expectIdle, openTandem } from '../helpers/tandem.ts';
import { temporaryFolder } from './support/folder.ts';

/** Nobody else sends this byte. */
const farewell = new Uint8Array(1600).fill(0x21);
const header = wavHeader({ sampleRate: 8000, channels: 1, dataBytes: 0x7fff_f000 });

/** Calls a script that uses something until it fails, and is heard behind that. */
async function goesOn(
  use: (call: DialogServerSession) => Promise<unknown>,
  error: object,
  options: TandemOptions = {},
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using server = await openTandem(async (call) => {
    await call.answer();
    await use(call).then(resolve, resolve);
    await call.playback().play(farewell, '');
  }, options);
  using phone = await RawPhone.open();
  await phone.call(server.port);
  expect(await promise).toMatchObject(error);
  await phone.nextRequest('BYE');
  const heard = phone.packets.filter(({ payload }) => payload.every((byte) => byte === 0x21));
  expect(heard).toHaveLength(10);
  await expectIdle(server.tandem);
}

it('an HTTP server in the middle of a file', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'audio/wav' });
    response.write(header);
    response.write(new Uint8Array(8000));
    setTimeout(() => response.socket?.destroy(), 300);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await goesOn((call) => call.playback().play(`http://127.0.0.1:${port}/x.wav`), { code: 'ERR_FETCH' });
  } finally {
    server.close();
  }
});

it('a voice in the middle of a sentence', async () => {
  await using folder = await temporaryFolder();
  const program = folder.file('speak');
  await writeFile(folder.file('begin'), Buffer.concat([header, new Uint8Array(8000)]));
  await writeFile(program, `#!/bin/sh\ncat "$(dirname "$0")/begin"; sleep 0.3; kill -9 $$\n`);
  await chmod(program, 0o755);
  await goesOn((call) => call.say('hello'), { code: 'ERR_TTS' }, { tts: espeakNg(program) });
});

it('a WebSocket that a bot talks through', async () => {
  const bots = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  bots.on('connection', (socket) => {
    socket.on('message', (text) => {
      const { event, streamSid } = JSON.parse(String(text));
      if (event !== 'start') return;
      const payload = Buffer.alloc(80_000).toString('base64');
      socket.send(JSON.stringify({ event: 'media', streamSid, media: { payload } }));
      setTimeout(() => socket.terminate(), 300);
    });
  });
  await once(bots, 'listening');
  const { port } = bots.address() as AddressInfo;
  try {
    await goesOn(async (call) => (await call.stream(`ws://127.0.0.1:${port}/`)).ended, {
      by: 'error',
      error: { code: 'ERR_STREAM' },
    });
  } finally {
    bots.close();
  }
});
