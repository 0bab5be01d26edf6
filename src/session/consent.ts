/** Before a call is recorded: those in it are told, or asked. */
import type { PlaySource } from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import type { GatherResult } from './gather.ts';
import type { SessionGatherOptions } from './session-options.ts';

/** The variable of a call that says how it stands: the record of the call has it. */
export const consentVariable = 'recording_consent';

export interface ConsentOptions {
  /** Says what is asked. */
  readonly prompt: PlaySource;
  /** Keys that say yes; default `1`. Any other says no. */
  readonly accept?: string;
  /** ms to wait for a key behind the prompt; default 5000. */
  readonly timeout?: number;
  /** How often the prompt is played to who presses none; default 2. */
  readonly tries?: number;
  /** What it means when there is no key; default `refuse`. */
  readonly silence?: 'refuse' | 'accept';
}

/** `silent`: nobody pressed a key, and that is a no; `announced`: nobody was asked. */
export type Consent = 'accepted' | 'refused' | 'silent' | 'announced';

/** @param gather of the call that is asked @throws as `gather`; TandemError ERR_ARGUMENT */
export async function askConsent(
  gather: (options: SessionGatherOptions) => Promise<GatherResult>,
  { prompt, accept = '1', timeout = 5_000, tries = 2, silence = 'refuse' }: ConsentOptions,
  signal: AbortSignal | undefined,
): Promise<Consent> {
  if (!/^[0-9A-D*#]+$/.test(accept))
    throw new TandemError('ERR_ARGUMENT', `consent.accept names keys, not "${accept}"`);
  for (let left = tries; left > 0; left--) {
    const how = { play: prompt, digits: 1, terminators: '', timeout, ...(signal ? { signal } : {}) };
    const { digits } = await gather(how);
    if (digits !== '') return accept.includes(digits) ? 'accepted' : 'refused';
  }
  return silence === 'accept' ? 'accepted' : 'silent';
}
