import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { factsOf, violations } from './helpers/architecture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function sources(...folders: string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of folders)
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }))
      if (/\.tsx?$/.test(name) && !name.endsWith('.d.ts')) {
        const file = `${folder}/${name.replaceAll('\\', '/')}`;
        files.set(file, readFileSync(join(root, file), 'utf8'));
      }
  return files;
}

const planted = (file: string, source: string): string[] => violations(new Map([[file, source]]));

describe('the house', () => {
  it('keeps its rules', () => {
    const files = sources('src', 'media');
    expect(files.size).toBeGreaterThan(10);
    expect(violations(files)).toEqual([]);
  });
});

describe('import directions', () => {
  it.each([
    ['src/sip/dialog.ts', "import { Media } from '../../media/index.ts';", 'src/sip may not know media'],
    ['src/sip/dialog.ts', "import type { Media } from '../../media/index.ts';", 'src/sip may not know media'],
    ['src/sip/dialog.ts', "let m: import('../../media/index.ts').Media;", 'src/sip may not know media'],
    ['src/sip/a/b.ts', "export * from '../../session/outcome.ts';", 'src/sip may not know src/session'],
    ['media/engine.ts', "import { parseUri } from '../src/sip/uri.ts';", 'media may not know src/sip'],
    ['media/rtp/x.ts', "const m = await import('../../src/session/x.ts');", 'media may not know src/session'],
    ['src/base/log.ts', "import '../sip/uri.ts';", 'src/base may not know src/sip'],
    ['src/session/x.ts', "import { Tandem } from '../tandem.ts';", 'src/session may not know src/tandem'],
    ['src/cli/call.ts', "import { parseUri } from '../sip/uri.ts';", 'src/cli may not know src/sip'],
  ])('%s: %s', (file, source, message) => {
    expect(planted(file, source).join('\n')).toContain(message);
  });

  it('lets the session layer bring the two rivers together', () => {
    const source = "import { Media } from '../../media/index.ts'; import { parseUri } from '../sip/uri.ts';";
    expect(planted('src/session/dialog-session.ts', source)).toEqual([]);
  });

  it('asks for a row when a part is new', () => {
    expect(planted('src/fancy/x.ts', "import { ok } from '../base/errors.ts';")).toEqual([
      'src/fancy/x.ts: belongs to no part of the house: give it a row in the directions',
    ]);
  });
});

describe('a command that needs no call of its own', () => {
  const files = sources('src', 'media');
  const loaded = (file: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const { specifier, typeOnly } of factsOf(files.get(file) ?? '').imports)
      if (!typeOnly && specifier.startsWith('.')) loaded(posix.join(posix.dirname(file), specifier), seen);
    return seen;
  };

  it.each([
    'check',
    'rpc',
    'monitor/monitor',
    'reload',
    'restart',
    'config',
    'recordings',
    'db',
    'password',
  ])('does not wait for what makes calls: %s', (name) =>
    expect(loaded(`src/cli/${name}.ts`)).not.toContain('src/tandem.ts'));

  it('as one does that makes them', () => expect(loaded('src/cli/call.ts')).toContain('src/tandem.ts'));
});

describe('packages', () => {
  it.each([
    ['src/sip/uri.ts', "import sip from 'sip';", 'only src/sip/codec.ts may'],
    ['media/rtp/session.ts', "import { RtcpPacketConverter } from 'werift-rtp';", 'only media/rtp/rtcp.ts may'],
    ['media/audio/wav.ts', "import { decode } from 'wav-decoder';", 'only media/audio/wav-decoder.ts may'],
    ['src/cli/serve.ts', "import { pino } from 'pino';", 'only src/base/log.ts may'],
    ['src/sip/x.ts', "import { sum } from 'left-pad/lib/sum.js';", 'left-pad, which has no owner'],
    ['src/sip/x.ts', "import fs from 'fs';", 'fs, which has no owner'],
  ])('%s: %s', (file, source, message) => {
    expect(planted(file, source).join('\n')).toContain(message);
  });

  it('lets the owner in', () => {
    expect(planted('src/base/log.ts', "import { pino } from 'pino';")).toEqual([]);
  });
});

describe('time, randomness and I/O', () => {
  it.each([
    ['const t = Date.now();', 'uses Date'],
    ['const d = new Date();', 'uses Date'],
    ['const t = performance.now();', 'uses performance'],
    ['setTimeout(() => {}, 20);', 'uses setTimeout'],
    ['const start = globalThis.setInterval;', 'uses setInterval'],
    ["globalThis['setTimeout'](() => {}, 1);", 'uses setTimeout'],
    ['const t = { at: Date.now() };', 'uses Date'],
    ['const r = () => Math.random();', 'uses Math.random'],
    ['const r = globalThis.Math.random();', 'uses Math.random'],
    ['const s = AbortSignal.timeout(5);', 'uses AbortSignal.timeout'],
    ['const r = await fetch(url);', 'uses fetch'],
    ['const id = crypto.randomUUID();', 'uses crypto'],
    ['const s = (performance as unknown as { x: number }).x;', 'uses performance'],
    ["import { readFile } from 'node:fs/promises';", 'imports node:fs/promises'],
    ["import { setTimeout } from 'node:timers/promises';", 'imports node:timers/promises'],
    ["const { lookup } = await import('node:dns');", 'imports node:dns'],
    ["import { randomBytes } from 'node:crypto';", 'takes randomness'],
    ["import { randomUUID as id, createHash } from 'node:crypto';", 'takes randomness'],
    ["import * as crypto from 'node:crypto';", 'takes randomness'],
    ["export { randomInt } from 'node:crypto';", 'takes randomness'],
  ])('finds %s', (source, message) => {
    for (const file of ['src/sip/transaction/client.ts', 'media/pacer.ts', 'src/session/x.ts', 'src/base/clock.ts'])
      expect(planted(file, source).join('\n')).toContain(message);
  });

  it.each([
    ['src/base/node.ts'],
    ['src/sip/transport/udp.ts'],
    ['src/cli/serve.ts'],
    ['media/net/dgram.ts'],
    ['media/host/worker.ts'],
  ])('are at home in %s', (file) => {
    expect(planted(file, "import { readFile } from 'node:fs/promises'; setTimeout(() => {}, 1); Date.now();")).toEqual(
      [],
    );
  });

  it.each([
    ["import { createHash } from 'node:crypto';"],
    ["import type { FileHandle } from 'node:fs/promises';"],
    ["import { type FileHandle } from 'node:fs/promises';"],
    ['const f = ({ fetch }: Ports) => fetch.get("x");'],
    ['class Session { setTimeout(seconds: number): void {} } new Session().setTimeout(3);'],
    ['function arm(clock: Clock): void { clock.setTimer(1, () => {}); } // no Date.now() here'],
    ["const text = 'Date.now()';"],
    ['let since: Date | undefined;'],
    ['const options = { performance: 1, Date: 2 };'],
  ])('does not mistake %s', (source) => {
    expect(planted('src/sip/x.ts', source)).toEqual([]);
  });
});

describe('exports', () => {
  it.each([
    ['export default 1;'],
    ['const x = 1; export { x as default };'],
    ["export { x as default } from './x.ts';"],
  ])('are named: %s', (source) => {
    expect(planted('media/x.ts', source)).toContain('media/x.ts: has a default export');
  });

  it('and imports of a file are all found', () => {
    const { imports } = factsOf("import a, { b, type C } from './x.ts'; import type { D } from './y.ts';");
    expect(imports).toEqual([
      { specifier: './x.ts', typeOnly: false, names: ['*', 'b'] },
      { specifier: './y.ts', typeOnly: true, names: [] },
    ]);
  });
});
