/** Ogg-Opus files as our recordings make them, and what is in one. */
import { decodeWhole, type MonoAudio, openDecoder } from '../../../media/audio/index.ts';
import { inlineRecordingCoders } from '../../../media/recorder/coder.ts';
import { oggRecording } from '../../../media/recording-ogg.ts';
import { concat } from './open-media.ts';

export async function oggFile(pcm: Int16Array, sampleRate = 8000, channels: 1 | 2 = 1): Promise<Uint8Array> {
  const shape = { sampleRate, channels };
  const format = oggRecording(shape, 1, inlineRecordingCoders.open(shape));
  const samples = pcm.length / channels;
  const changes = [
    await format.add(new Uint8Array(0), 0),
    await format.add(new Uint8Array(pcm.slice().buffer), samples),
    await format.end(samples),
  ];
  format.close();
  return concat(changes.map((change) => change?.bytes ?? new Uint8Array(0)));
}

export async function decodeOgg(bytes: Uint8Array): Promise<MonoAudio> {
  const opened = await openDecoder('audio/ogg');
  if (!opened.ok) throw new Error(opened.error);
  const audio = decodeWhole(bytes, opened.value, 1e8, (count) => new Int16Array(count));
  opened.value.close();
  if (!audio.ok) throw new Error(audio.error);
  return audio.value;
}

/** In the lab's own time nothing waits for a decoder that is being loaded. */
export async function loadDecoders(): Promise<void> {
  for (const type of ['audio/ogg', 'audio/mpeg'] as const) {
    const opened = await openDecoder(type);
    if (!opened.ok) throw new Error(opened.error);
    opened.value.close();
  }
}
