/** `tandem init <folder>`: a script project to start from. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TandemError } from '../base/errors.ts';

const script = `import { access } from 'node:fs/promises';
import type { CallHandler } from 'tandem';

/** Plays what is there, and gives back what the caller says. */
const greet: CallHandler = async (call) => {
  await call.answer();
  const welcome = new URL('./welcome.wav', import.meta.url);
  const recorded = await access(welcome).then(() => true, () => false);
  if (recorded) await call.playback().play(welcome);
  const { digits } = await call.gather({ digits: 1, timeout: 5_000 });
  if (digits === '1') await call.echo();
};

export default greet;
`;

const test = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tandem } from 'tandem';
import greet from './ivr.ts';

test('gives the caller an echo on 1', async () => {
  const transports = [{ transport: 'udp', bindHost: '127.0.0.1', bindPort: 0 }] as const;
  const media = { workers: 0 };
  await using server = new Tandem({ transports, media: { ...media, rtpPorts: { min: 20000, max: 20099 } } });
  await using phone = new Tandem({ transports, media: { ...media, rtpPorts: { min: 20100, max: 20199 } } });
  await server.serveBackground(greet);

  await using call = await phone.invite(\`sip:ivr@127.0.0.1:\${server.listeners[0]?.port}\`);
  await call.sendDtmf('1');
  const heard = call.audioReader();
  const tone = new Int16Array(8000).map((_, i) => 8000 * Math.sin((2 * Math.PI * 440 * i) / 8000));
  const writer = call.audioWriter();
  await writer.write(tone);
  let loud = 0;
  for await (const frame of heard) if (frame.some((sample) => sample > 4000) && ++loud === 10) break;
  assert.equal(loud, 10);
});
`;

const dockerfile = (version: string): string => `ARG TANDEM=tandem:${version}
FROM \${TANDEM}
COPY --chown=node:node . /app/
`;

export async function init(folder: string, version: string): Promise<number> {
  const target = resolve(folder);
  await mkdir(target, { recursive: true });
  if ((await readdir(target)).length > 0)
    throw new TandemError('ERR_INIT', `${folder} is not empty: name a new folder`);
  const manifest = {
    name: basename(target).toLowerCase(),
    private: true,
    type: 'module',
    scripts: { start: 'tandem serve ivr.ts', dev: 'tandem serve ivr.ts --watch', test: 'node --test' },
    dependencies: { tandem: `^${version}` },
  };
  const files: Readonly<Record<string, string>> = {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'ivr.ts': script,
    'ivr.test.ts': test,
    Dockerfile: dockerfile(version),
    '.dockerignore': 'node_modules\n',
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(target, name)), { recursive: true });
    await writeFile(join(target, name), text);
  }
  process.stdout.write(`made ${folder}: npm install, then npm start; npm test calls it\n`);
  return 0;
}
