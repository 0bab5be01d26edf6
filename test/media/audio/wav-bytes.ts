/** WAV files byte by byte, also such as no program writes. */

export interface Fmt {
  readonly tag: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
  readonly blockAlign?: number;
}

/** A chunk with its pad byte. @param length what its header says, if not the truth */
export function chunk(id: string, body: Uint8Array, length = body.length): Uint8Array {
  const out = new Uint8Array(8 + body.length + (body.length & 1));
  new TextEncoder().encodeInto(id, out);
  new DataView(out.buffer).setUint32(4, length, true);
  out.set(body, 8);
  return out;
}

export function riff(...chunks: readonly Uint8Array[]): Uint8Array {
  const body = concat(new TextEncoder().encode('WAVE'), ...chunks);
  return chunk('RIFF', body).subarray(0, 8 + body.length);
}

export function fmt({ tag, channels, sampleRate, bits, blockAlign }: Fmt): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  const frame = blockAlign ?? (channels * bits) / 8;
  view.setUint16(0, tag, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, sampleRate, true);
  view.setUint32(8, sampleRate * frame, true);
  view.setUint16(12, frame, true);
  view.setUint16(14, bits, true);
  return chunk('fmt ', body);
}

export function extensible(tag: number, channels: number, bits: number): Uint8Array {
  const plain = fmt({ tag: 0xfffe, channels, sampleRate: 8000, bits }).subarray(8);
  const more = Uint8Array.of(
    22,
    0,
    bits,
    0,
    4,
    0,
    0,
    0,
    tag,
    0,
    0,
    0,
    0,
    0,
    0x10,
    0,
    0x80,
    0,
    0,
    0xaa,
    0,
    0x38,
    0x9b,
    0x71,
  );
  return chunk('fmt ', concat(plain, more));
}

export function wav(format: Fmt, data: Uint8Array): Uint8Array {
  return riff(fmt(format), chunk('data', data));
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
