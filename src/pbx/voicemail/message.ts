/** A message in a mailbox: what is written beside its sound. */
import { fail, ok, type Result } from '../../base/errors.ts';
import { type Random, token } from '../../base/random.ts';

export interface VoicemailMessage {
  readonly id: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly durationMs: number;
  /** User part of who called, as it said. */
  readonly from: string | undefined;
  readonly fromName: string | undefined;
  readonly callId: string;
  /** `saved` when its owner has heard it. */
  readonly state: 'new' | 'saved';
}

/** Made in the order of time, so that their names sort as they came. */
export function messageId(at: number, random: Random): string {
  return `${String(Math.max(0, Math.round(at))).padStart(13, '0')}-${token(random, 4)}`;
}

/** Whatever is asked for by somebody else's program is a name of ours, or nothing. */
export function isMessageId(text: string): boolean {
  return /^\d{13,16}-[0-9a-f]{8}$/.test(text);
}

export function printMessage(message: VoicemailMessage): string {
  return `${JSON.stringify({ version: 1, ...message }, null, 2)}\n`;
}

/** What a file says; anybody may have edited it. */
export function readMessage(id: string, text: string): Result<VoicemailMessage> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('it is not JSON');
  }
  if (typeof value !== 'object' || value === null) return fail('it is not an object');
  const { version, at, durationMs, from, fromName, callId, state } = value as Record<string, unknown>;
  if (version !== 1) return fail(`its version is ${JSON.stringify(version)}, not 1`);
  if (!isCount(at) || !isCount(durationMs)) return fail('at and durationMs are milliseconds');
  if (state !== 'new' && state !== 'saved') return fail('its state is new or saved');
  return ok({
    id,
    at,
    durationMs,
    from: textOf(from),
    fromName: textOf(fromName),
    callId: textOf(callId) ?? '',
    state,
  });
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
