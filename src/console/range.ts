/** What of a file is asked for (RFC 9110 §14), and the head of the reply that has it. */

export interface Range {
  readonly start: number;
  /** The last byte that is wanted. */
  readonly end: number;
}

export interface RangeReply {
  readonly status: 200 | 206 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: there is nothing to send. */
  readonly range: Range | undefined;
}

/** @param size bytes of the whole */
export function replyToRange(header: string | undefined, size: number, type: string): RangeReply {
  const wanted = readRange(header, size);
  if (wanted === 'none') return { status: 416, headers: { 'content-range': `bytes */${size}` }, range: undefined };
  const range = wanted ?? { start: 0, end: size - 1 };
  return {
    status: wanted ? 206 : 200,
    headers: {
      ...{ 'content-type': type, 'accept-ranges': 'bytes', 'content-disposition': 'inline' },
      'content-length': String(range.end - range.start + 1),
      ...(wanted ? { 'content-range': `bytes ${range.start}-${range.end}/${size}` } : {}),
    },
    range,
  };
}

/**
 * One range (RFC 9110 §14.2); of several all is sent.
 * @returns undefined for the whole, `none` for one that is not there
 */
export function readRange(header: string | undefined, size: number): Range | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'none' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'none' : { start, end };
}

/** Of audio, by its first 12 bytes; undefined: it is something else. */
export function audioType(first: Uint8Array): string | undefined {
  const head = Buffer.from(first.buffer, first.byteOffset, Math.min(12, first.length)).toString('latin1');
  if (head.startsWith('RIFF') && head.endsWith('WAVE')) return 'audio/wav';
  return head.startsWith('OggS') ? 'audio/ogg' : undefined;
}
