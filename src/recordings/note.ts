/** What is known of a recording: a JSON file beside it, so that it outlives the process. */

export interface RecordingNote {
  readonly version: 1;
  readonly callId?: string;
  readonly sessionId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly direction?: 'inbound' | 'outbound';
  /** Of a conference. */
  readonly conference?: string;
  /** Unix ms. */
  readonly startedAt: number;
  /** Undefined while it is recorded. */
  readonly endedAt?: number;
  readonly durationMs?: number;
  /** What was left out, ms. */
  readonly pauses?: readonly { readonly atMs: number; readonly forMs: number }[];
  /** `crash`: the process was killed meanwhile; `failed`: it could not be written to its end; `found`: nobody told of it. */
  readonly end?: string;
  /** `accepted`, `announced`. */
  readonly consent?: string;
  /** When it was taken, and by whom. */
  readonly uploaded?: { readonly at: number; readonly to: string };
}

/** @returns undefined for what is none */
export function parseNote(text: string): RecordingNote | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, startedAt, endedAt, uploaded } = value as Partial<RecordingNote>;
  const isTime = (one: unknown): boolean => typeof one === 'number' && Number.isFinite(one);
  if (version !== 1 || !isTime(startedAt) || (endedAt !== undefined && !isTime(endedAt))) return undefined;
  if (uploaded !== undefined && (typeof uploaded !== 'object' || !isTime(uploaded?.at))) return undefined;
  return value as RecordingNote;
}

/** A file of a recording as it lies there. */
export interface KeptRecording {
  /** Path below the folder, with `/`; of a sealed file without `.sealed`. */
  readonly name: string;
  /** As it lies there, bytes. */
  readonly size: number;
  /** Unix ms. */
  readonly modified: number;
  readonly sealed: boolean;
  /** Not to be deleted, whatever the settings say. */
  readonly held: boolean;
  readonly note: RecordingNote | undefined;
}
