/** `tandem init <folder>`: a script project to start from. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TandemError } from '../base/errors.ts';
import { configJsonSchema } from '../config/schema.ts';

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

const test = `import { test } from 'node:test';
import { Lab, sine } from 'tandem/testing';
import greet from './ivr.ts';

// A call in a network in memory, much faster than time: see docs/testing.md of the package.
test('gives the caller an echo on 1', async () => {
  await using lab = new Lab();
  await lab.serve(greet);
  const alice = lab.phone('alice');
  await alice.dial('ivr');
  await alice.press('1');
  await alice.speak(sine(440));
  await alice.hearsTone(440);
  await alice.hangup();
});

test('hangs up on a caller who presses nothing', async () => {
  await using lab = new Lab();
  await lab.serve(greet);
  const alice = lab.phone('alice');
  await alice.dial('ivr');
  await alice.hearsSilence(4_900);
  await alice.ends({ within: 200 });
});
`;

/** Editors that know the comment complete and check what is written. */
const settings = `# yaml-language-server: $schema=./tandem.schema.json
# Every setting: npx tandem config. After a change: npx tandem reload.
log: { level: info }
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
    'tandem.yaml': settings,
    'tandem.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
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
