/** espeak-ng as a process: programs in its place that do what a process may do. */
import { chmod, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { wavHeader } from '../../media/audio/index.ts';
import { espeakNg } from '../../src/base/node-espeak.ts';
import { temporaryFolder } from '../interop/support/folder.ts';

const header = Buffer.from(wavHeader({ sampleRate: 22_050, channels: 1, dataBytes: 0x7fff_f000 })).toString('base64');
const writesHeader = `echo ${header} | base64 -d`;
const forever = new AbortController().signal;

/** A shell script in place of the program. */
async function program(script: string) {
  const folder = await temporaryFolder();
  const path = folder.file('speak');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return { tts: espeakNg(path), folder, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

async function all(audio: AsyncIterable<Int16Array>): Promise<number[]> {
  const samples: number[] = [];
  for await (const chunk of audio) samples.push(...chunk);
  return samples;
}

describe('espeakNg', () => {
  it('gives what the program writes, at its rate; text goes by stdin, the voice as an argument', async () => {
    const script = `${writesHeader}; printf '\\001\\000\\002'; printf '\\000%s' "$*" >"$0.args"; printf '\\000'; cat >"$0.text"`;
    await using made = await program(script);
    const speech = await made.tts.synthesize('-x $HOME', { language: 'en-GB', signal: forever });
    expect(speech.sampleRate).toBe(22_050);
    expect(await all(speech.audio)).toEqual([1, 2]);
    const { readFile } = await import('node:fs/promises');
    expect(await readFile(made.folder.file('speak.text'), 'utf8')).toBe('-x $HOME');
    expect(await readFile(made.folder.file('speak.args'), 'utf8')).toContain('--stdout --stdin -b 1 -v en-gb');
  });

  it('says what is wrong: not installed, an unknown voice, no audio, no voice at all', async () => {
    const missing = espeakNg('/nowhere/espeak-ng').synthesize('hi', { signal: forever });
    await expect(missing).rejects.toMatchObject({ code: 'ERR_TTS', message: expect.stringContaining('not installed') });
    await using complains = await program('echo "no such voice" >&2; exit 1');
    const failed = { code: 'ERR_TTS', message: 'cannot speak: no such voice' };
    await expect(complains.tts.synthesize('hi', { voice: 'x', signal: forever })).rejects.toMatchObject(failed);
    await using noise = await program('head -c 100 /dev/zero');
    await expect(noise.tts.synthesize('hi', { signal: forever })).rejects.toMatchObject({ code: 'ERR_TTS' });
    for (const voice of ['--version', '../../etc/passwd', ''])
      await expect(noise.tts.synthesize('hi', { voice, signal: forever })).rejects.toMatchObject({ code: 'ERR_TTS' });
  });

  it('says so when it is killed in mid-sentence, behind what came before', async () => {
    await using made = await program(`${writesHeader}; printf '\\001\\000'; kill -9 $$`);
    const { audio } = await made.tts.synthesize('hi', { signal: forever });
    const heard: number[] = [];
    const listening = (async () => {
      for await (const chunk of audio) heard.push(...chunk);
    })();
    await expect(listening).rejects.toMatchObject({ code: 'ERR_TTS', message: expect.stringContaining('SIGKILL') });
    expect(heard).toEqual([1]);
  });

  it('says nothing of a text in which there is nothing to say', async () => {
    await using made = await program('exit 0');
    const { audio, sampleRate } = await made.tts.synthesize(' ', { signal: forever });
    expect({ samples: await all(audio), sampleRate }).toEqual({ samples: [], sampleRate: 22_050 });
  });

  it('is ended by the signal and by who stops listening; then the next may run', async () => {
    await using made = await program(`${writesHeader}; printf '\\001\\000'; exec sleep 100`);
    const stop = new AbortController();
    const running = await Promise.all([1, 2, 3, 4].map(() => made.tts.synthesize('hi', { signal: stop.signal })));
    const waiting = made.tts.synthesize('hi', { signal: forever });
    const ends = running.map(({ audio }) => expect(all(audio)).rejects.toMatchObject({ code: 'ERR_TTS' }));
    stop.abort();
    await Promise.all(ends);
    const { audio } = await waiting;
    for await (const chunk of audio) {
      expect([...chunk]).toEqual([1]);
      break;
    }
    await expect(made.tts.synthesize('hi', { signal: stop.signal })).rejects.toBe(stop.signal.reason);
  });
});
