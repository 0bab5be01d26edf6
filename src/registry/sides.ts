/** The two ends of a call, as Kamailio's list shows them, and by what names a call is found. */
import type { DialogSession } from '../session/dialog-session.ts';
import type { LegSignalling } from '../session/signalling.ts';

export type Side = 'caller' | 'callee';

/** One end of a call, as `dlg.list` shows it. */
export interface DialogEnd {
  readonly tag: string;
  readonly contact: string;
  readonly cseq: number;
  /** URIs. */
  readonly routeSet: readonly string[];
  /** Our socket towards it: `udp:192.0.2.1:5060`. */
  readonly socket: string;
}

export type DialogEnds = Readonly<Record<Side, DialogEnd | undefined>>;

/**
 * With two legs they are the peers of both; with one it is the peer's and ours, where ours is there from the answer on.
 * @param b the second leg, if it was answered
 */
export function endsOf(
  a: DialogSession | undefined,
  b: DialogSession | undefined,
  direction: 'inbound' | 'outbound',
  isAnswered: boolean,
): DialogEnds {
  const [first, second] = [a?.signalling, b?.signalling];
  if (!first) return { caller: undefined, callee: undefined };
  if (second && isAnswered) return { caller: endOf(first, 'remote'), callee: endOf(second, 'remote') };
  const [caller, callee] = direction === 'inbound' ? (['remote', 'local'] as const) : (['local', 'remote'] as const);
  return { caller: endOf(first, caller), callee: isAnswered ? endOf(first, callee) : undefined };
}

function endOf({ local, remote, routeSet, socket }: LegSignalling, which: 'local' | 'remote'): DialogEnd {
  const { tag = '', contact, cseq } = which === 'local' ? local : remote;
  return { tag, contact, cseq, routeSet: which === 'remote' ? routeSet : [], socket };
}

/**
 * Whether a call is meant by these: the Call-ID and tags of one of its legs, or those that are printed, in either
 * order of the tags.
 * @param toTag undefined: one tag is enough; it is not looked at where the other end has no tag yet, as in Kamailio
 */
export function isMeant(
  legs: readonly DialogSession[],
  printed: DialogEnds & { readonly callId: string },
  callId: string,
  fromTag: string,
  toTag: string | undefined,
): boolean {
  const isPair = (one: string | undefined, other: string | undefined): boolean => {
    if (one === fromTag) return toTag === undefined || other === undefined || other === toTag;
    return one !== undefined && one === toTag && (other === undefined || other === fromTag);
  };
  const eitherWay = (one: string | undefined, other: string | undefined): boolean =>
    isPair(one, other) || isPair(other, one);
  if (printed.callId === callId && eitherWay(printed.caller?.tag, printed.callee?.tag)) return true;
  return legs.some(({ signalling }) => {
    if (signalling?.callId !== callId) return false;
    return eitherWay(signalling.local.tag, signalling.remote.tag);
  });
}
