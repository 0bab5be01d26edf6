/** Marks in a WAV file: a `cue ` chunk with where they are, and a list of labels (`LIST` of `adtl`) with what they say. */

export interface WavCue {
  /** Sample, counted for each channel. */
  readonly sample: number;
  readonly label: string;
}

/** @returns both chunks, to be put behind the `data` chunk; nothing for no cues */
export function wavCues(cues: readonly WavCue[]): Uint8Array {
  if (cues.length === 0) return new Uint8Array(0);
  const labels = cues.map(({ label }, at) => chunk('labl', [uint32(at + 1), text(`${label}\0`)]));
  const points = cues.map(({ sample }, at) =>
    // Its name, its place in the order of play, and where it lies: in `data`, no blocks, this sample.
    Buffer.concat([uint32(at + 1), uint32(sample), text('data'), uint32(0), uint32(0), uint32(sample)]),
  );
  return Buffer.concat([chunk('cue ', [uint32(cues.length), ...points]), chunk('LIST', [text('adtl'), ...labels])]);
}

function chunk(name: string, parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  // Chunks begin at even offsets; the pad byte does not count.
  return Buffer.concat([text(name), uint32(body.length), body, new Uint8Array(body.length % 2)]);
}

function text(value: string): Uint8Array {
  return Buffer.from(value, 'latin1');
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(Math.min(value, 0xffff_ffff));
  return bytes;
}
