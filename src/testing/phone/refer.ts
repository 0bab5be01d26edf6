/** Transfers: REFER and what is told of it (RFC 3515), and calls that take the place of others (RFC 3891). */
import type { PhoneCall } from './call.ts';
import type { Line } from './line.ts';
import type { HeaderLine, SipText } from './sip-text.ts';

/**
 * Does what a REFER asks for: calls, and tells how that goes until it is decided. The line turns to the new call at
 * once, and back to the old one if nothing comes of it.
 */
export function follow(line: Line, call: PhoneCall, referTo: string): void {
  const [uri = '', query = ''] = referTo.split('?');
  const to = line.resolve(uri);
  tell(call, 'SIP/2.0 100 Trying', false);
  if (!to) {
    tell(call, 'SIP/2.0 503 Service Unavailable', true);
    return;
  }
  const replaces = /(?:^|&)Replaces=([^&]*)/i.exec(query)?.[1];
  const headers: HeaderLine[] = [['Referred-By', `<${call.dialog.remoteUri}>`]];
  if (replaces !== undefined) headers.push(['Replaces', decodeURIComponent(replaces)]);
  line.note('phone', `is transferred to ${uri}`);
  const next = line.dial(uri, to, { headers });
  void next.settled.then(() => {
    const failure = next.lastWord?.startLine ?? 'SIP/2.0 408 Request Timeout';
    const isUp = next.state === 'up';
    if (!isUp && call.state !== 'over') line.turnTo(call);
    tell(call, isUp ? 'SIP/2.0 200 OK' : failure, true);
  });
}

function tell(call: PhoneCall, statusLine: string, decided: boolean): void {
  if (call.state === 'over') return;
  void call.request('NOTIFY', {
    headers: [
      ['Event', 'refer'],
      ['Subscription-State', decided ? 'terminated;reason=noresource' : 'active;expires=60'],
    ],
    type: 'message/sipfrag;version=2.0',
    body: `${statusLine}\r\n`,
  });
}

/** What a NOTIFY tells of a transfer; undefined for one about something else. */
export function toldBy(notify: SipText): { readonly status: number; readonly decided: boolean } | undefined {
  if (notify.method !== 'NOTIFY' || !/^refer\b/i.test(notify.header('event'))) return undefined;
  const status = Number(/^SIP\/2\.0 (\d{3})/.exec(notify.body)?.[1] ?? 0);
  return { status, decided: /^terminated\b/i.test(notify.header('subscription-state')) };
}

/** The Refer-To of an attended transfer: to the peer of that call, in the place of that call. */
export function placeOf({ dialog: { callId, localTag, remoteTag, target } }: PhoneCall): string {
  const replaces = `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
  return `${target}?Replaces=${encodeURIComponent(replaces)}`;
}

/** Whether a Replaces header means this call. */
export function isMeantBy(replaces: string, { dialog }: PhoneCall): boolean {
  const [callId, ...params] = replaces.split(';').map((part) => part.trim());
  return (
    callId === dialog.callId &&
    params.includes(`to-tag=${dialog.localTag}`) &&
    params.includes(`from-tag=${dialog.remoteTag}`)
  );
}
