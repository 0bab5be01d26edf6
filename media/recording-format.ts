/** What a recording puts into its file: as a WAV here, as Ogg-Opus in `recording-ogg.ts`. */
import { readWav, wavHeader, wavHeaderBytes } from './audio/index.ts';
import { type WavCue, wavCues } from './audio/wav-cues.ts';
import { gapsWith, notOurs, type RecordingGap, type Resume } from './recording-resume.ts';

export interface PcmShape {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/**
 * `bytes` at `position`; then `header` at the start of the file, if there is one; then nothing is left behind `size`, and
 * what is missing up to there is zeros.
 */
export interface FileChange {
  readonly bytes: Uint8Array;
  readonly position: number;
  readonly header: Uint8Array;
  readonly size?: number;
}

/** Its calls come one after the other. What goes wrong is a rejection. */
export interface RecordingFormat {
  /** Size of the file when all changes are made. */
  readonly size: number;
  /**
   * @param pcm 16-bit, interleaved, whole samples of all channels; none at the very beginning, for the head of the file
   * @param keep samples that will be kept at least, as far as is known: what is behind them may be cut off at the end
   */
  add(pcm: Uint8Array, keep: number): Promise<FileChange>;
  /**
   * @param keep samples to keep of all that were added
   * @param pauses where something was left out, to be marked if the format has marks
   * @returns undefined: the file is as it has to be
   */
  end(keep: number, pauses?: readonly RecordingGap[]): Promise<FileChange | undefined>;
  close(): void;
}

/**
 * The header is rewritten after the audio it speaks of: the file is a playable WAV at any moment, after a kill too.
 * @param resume goes on in a file
 * @param marks false: there is nothing behind the audio, as in a stream whose length nobody knows
 */
export function wavRecording(shape: PcmShape, resume?: Resume, marks = true): RecordingFormat {
  const frameBytes = 2 * shape.channels;
  let written = 0;
  let cueBytes = 0;
  let begun = resume === undefined;
  let gaps: readonly RecordingGap[] = [];
  const header = (dataBytes: number, moreBytes = 0): Uint8Array => wavHeader({ ...shape, dataBytes, moreBytes });

  async function goOn({ open, samples, gaps: before, onOpened }: Resume): Promise<FileChange> {
    const file = await open();
    const head = readWav(await file.read(0, wavHeaderBytes));
    if (!head.ok) throw notOurs(head.error);
    const { format, sampleRate, channels } = head.value;
    if (format !== 'pcm' || sampleRate !== shape.sampleRate || channels !== shape.channels)
      throw notOurs('the file has audio of another kind');
    const kept = Math.floor((file.size - wavHeaderBytes) / frameBytes);
    const all = Math.max(kept, samples);
    gaps = gapsWith(before, kept, all, shape.sampleRate);
    written = all * frameBytes;
    onOpened(all, gaps);
    const size = wavHeaderBytes + written;
    return { bytes: new Uint8Array(0), position: size, header: header(written), size };
  }

  return {
    get size() {
      return wavHeaderBytes + written + cueBytes;
    },
    async add(pcm) {
      if (!begun && resume) {
        begun = true;
        return goOn(resume);
      }
      const position = wavHeaderBytes + written;
      written += pcm.length;
      return { bytes: pcm, position, header: header(written) };
    },
    async end(keep, pauses = []) {
      const bytes = frameBytes * keep;
      const cut = bytes < written;
      written = Math.min(bytes, written);
      const cue =
        (what: string) =>
        ({ atMs, forMs }: RecordingGap): WavCue => ({
          sample: Math.min(keep, Math.round((atMs * shape.sampleRate) / 1000)),
          label: `${what} ${(forMs / 1000).toFixed(2)} s`,
        });
      const all = [...gaps.map(cue('gap')), ...pauses.map(cue('pause'))].sort((a, b) => a.sample - b.sample);
      const cues = wavCues(marks ? all : []);
      if (!cut && cues.length === 0) return undefined;
      cueBytes = cues.length;
      const position = wavHeaderBytes + written;
      return { bytes: cues, position, header: header(written, cues.length), size: position + cues.length };
    },
    close() {},
  };
}
