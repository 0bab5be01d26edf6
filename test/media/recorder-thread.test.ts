/** The thread that encodes recordings. */
import { afterEach, describe, expect, it } from 'vitest';
import { inlineRecordingCoders, type RecordingCoders } from '../../media/recorder/coder.ts';
import { recorderThread } from '../../media/recorder/thread.ts';
import { speech } from './support/speech.ts';

const threads: RecordingCoders[] = [];
const thread = (): RecordingCoders => {
  const made = recorderThread();
  threads.push(made);
  return made;
};
afterEach(async () => {
  await Promise.all(threads.splice(0).map((each) => each.close()));
});

const shape = { sampleRate: 8000, channels: 1 } as const;
const half = (n: number): Int16Array<ArrayBuffer> =>
  Int16Array.from(speech(8000, 2).subarray(4000 * n, 4000 * (n + 1)));

describe('the thread that encodes recordings', () => {
  it('encodes what is encoded in place, several at once', async () => {
    const [here, there] = [inlineRecordingCoders, thread()];
    const [one, a, b] = [here.open(shape), there.open(shape), there.open(shape)];
    for (let n = 0; n < 4; n++) {
      const expected = await one.encode(half(n));
      expect(await Promise.all([a.encode(half(n)), b.encode(half(n))])).toEqual([expected, expected]);
    }
    a.close();
    const last = await one.encode(half(0));
    expect(await b.encode(half(0))).toEqual(last);
    for (const coder of [one, b]) coder.close();
  });

  it('brings errors over', async () => {
    const coder = thread().open({ sampleRate: 44_100, channels: 1 });
    await expect(coder.encode(half(0))).rejects.toMatchObject({ code: 'ERR_CODEC' });
  });

  it('closes twice, before it began, and in the middle of work', async () => {
    const idle = thread();
    await Promise.all([idle.close(), idle.close()]);
    await expect(idle.open(shape).encode(half(0))).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    const busy = thread();
    const failed = expect(busy.open(shape).encode(half(0))).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await busy.close();
    await failed;
  });
});
