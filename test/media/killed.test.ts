/** A process that is killed (kill -9), and another that goes on with its legs, on the machine's own sockets and files. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWav } from '../../media/audio/index.ts';
import { loadOpus } from '../../media/codec/index.ts';
import { Media, type MediaLeg, unpackSaved } from '../../media/index.ts';
import { seqDiff } from '../../media/rtp/sequence.ts';
import { hosts, machine } from './support/open-media.ts';
import { Phone } from './support/phone.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-killed-'));
  await loadOpus();
});
afterAll(() => rm(folder, { recursive: true }));

const run = promisify(execFile);
const has = (program: string): Promise<boolean> =>
  run(program, ['-version']).then(
    () => true,
    () => false,
  );

/** Plays a tone to the phone and records it, telling the leg's state into a file. Says its port. */
async function start(workers: number, io: string, phone: Phone, name: string): Promise<[ChildProcess, number]> {
  const script = join(folder, `${name}.ts`);
  const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  await writeFile(
    script,
    `import { renameSync, writeFileSync } from 'node:fs';
     import { openMedia } from ${module('./support/open-media.ts')};
     const media = await openMedia({ workers: ${workers}, io: '${io}', opus: true }, {
       onSaved(leg, packed, serial) {
         writeFileSync('${join(folder, name)}.new', packed);
         renameSync('${join(folder, name)}.new', '${join(folder, name)}.state');
         leg.stored(serial);
       },
     }, 2);
     const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a' });
     leg.negotiate(${JSON.stringify(phone.audio())});
     leg.tone({ frequencies: [440], cadence: [], level: -10 });
     leg.record('${join(folder, name)}.wav');
     leg.record('${join(folder, name)}.opus');
     console.log(leg.port);`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return [child, Number(line)];
}

describe.each(hosts)('with %i workers over %s', (workers, io) => {
  it('goes on as one stream and one recording', async () => {
    await using phone = await Phone.open();
    const name = `w${workers}-${io}`;
    const [child, port] = await start(workers, io, phone, name);
    await phone.hears(60);
    child.kill('SIGKILL');
    // At once: it may be dying still.
    const rtpPorts = { min: port, max: port + 1 };
    const onSaved = (leg: MediaLeg, _: Uint8Array, serial: number): void => leg.stored(serial);
    await using media = new Media({ workers, io, opus: true, rtpPorts }, { ...machine, onSaved });
    await media.open();
    const before = phone.heard.length;
    const last = phone.heard.at(-1)!;
    const { snapshot } = unpackSaved(await readFile(`${join(folder, name)}.state`));
    const leg = await media.createLeg({ bindAddress: '127.0.0.1', callId: 'a', snapshot });
    expect(leg.port).toBe(port);
    leg.tone({ frequencies: [440], cadence: [], level: -10 });
    await phone.hears(before + 40);
    const next = phone.heard[before]!;
    expect(next.ssrc).toBe(last.ssrc);
    expect(seqDiff(next.sequence, last.sequence)).toBeGreaterThan(0);
    expect(seqDiff(next.sequence, last.sequence)).toBeLessThanOrEqual(1000);
    // The timeline goes on by time.
    const away = next.at - last.at;
    expect(Math.abs(((next.timestamp - last.timestamp) | 0) / 8 - away)).toBeLessThan(100);
    expect(leg.recordings).toHaveLength(2);
    const [wav, ogg] = await Promise.all(leg.recordings.map((recording) => recording.close()));
    expect(wav!.gaps).toHaveLength(1);
    const read = readWav(new Uint8Array(await readFile(`${join(folder, name)}.wav`)));
    expect(read.ok && (read.value.data.length * 1000) / 4 / 8000).toBe(wav!.durationMs);
    expect(Math.abs(ogg!.durationMs - wav!.durationMs)).toBeLessThan(100);
    if (!(await has('ffprobe'))) return;
    for (const [file, { durationMs }] of [
      ['wav', wav!],
      ['opus', ogg!],
    ] as const) {
      const { stdout, stderr } = await run('ffprobe', [
        ...['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', `${join(folder, name)}.${file}`],
      ]);
      expect(stderr).toBe('');
      expect(Math.abs(Number(stdout) * 1000 - durationMs)).toBeLessThan(10);
    }
  });
});
