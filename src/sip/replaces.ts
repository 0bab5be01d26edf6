/** The Replaces header: the dialog whose place an INVITE takes (RFC 3891 §6.1). */
import { fail, ok, type Result } from '../base/errors.ts';
import { printParams, readParams, skipBlanks } from './grammar.ts';
import { headerValues, type SipRequest } from './message.ts';

export interface Replaces {
  readonly callId: string;
  /** Of whom the INVITE goes to. */
  readonly toTag: string;
  readonly fromTag: string;
  /** Only while it rings. */
  readonly earlyOnly: boolean;
}

export function parseReplaces(text: string): Result<Replaces> {
  const semicolon = text.indexOf(';');
  const callId = text.slice(0, Math.max(semicolon, 0)).trim();
  if (callId === '' || /[\s,]/.test(callId)) return fail('the Replaces has no Call-ID');
  const cursor = { at: semicolon };
  const params = readParams(text, cursor);
  if (!params || skipBlanks(text, cursor.at) < text.length) return fail('the Replaces is malformed');
  const toTag = params['to-tag'];
  const fromTag = params['from-tag'];
  if (!toTag || !fromTag) return fail('the Replaces has no to-tag or no from-tag');
  return ok({ callId, toTag, fromTag, earlyOnly: 'early-only' in params });
}

export function printReplaces({ callId, toTag, fromTag, earlyOnly }: Replaces): string {
  return callId + printParams({ 'to-tag': toTag, 'from-tag': fromTag, ...(earlyOnly ? { 'early-only': null } : {}) });
}

/** The tags by which a dialog is known. */
interface Named {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string | undefined;
}

/** A dialog of ours as its peer is to find it: the tag that is ours is the one it came from (RFC 3891 §6.1). */
export function replacesOf({ callId, localTag, remoteTag = '0' }: Named): Replaces {
  return { callId, toTag: remoteTag, fromTag: localTag, earlyOnly: false };
}

/** Whether that is the dialog of ours which a peer names (RFC 3891 §3). */
export function isNamedBy({ callId, localTag, remoteTag = '0' }: Named, replaces: Replaces): boolean {
  return callId === replaces.callId && localTag === replaces.toTag && remoteTag === replaces.fromTag;
}

/** What an INVITE is to replace; `undefined` if nothing (RFC 3891 §3: more than one is an error). */
export function replacesIn(request: SipRequest): Result<Replaces | undefined> {
  const [value, ...more] = headerValues(request, 'replaces');
  if (value === undefined) return ok(undefined);
  if (more.length > 0) return fail('there are two Replaces headers');
  if (headerValues(request, 'join').length > 0) return fail('there are Replaces and Join');
  return parseReplaces(value);
}
