/** What the observer tells of SIP itself. */
import type { Clock } from '../base/clock.ts';
import type { Observer } from '../base/events.ts';
import type { SipEndpointOptions } from '../sip/options.ts';
import type { TandemEvents } from './events.ts';

export function sipEvents(
  observer: Observer<TandemEvents>,
  clock: Clock,
): Required<Pick<SipEndpointOptions, 'onMessage' | 'onTimer' | 'onBan'>> {
  return {
    onMessage: (direction, message, { transport, address, port }) => {
      const name = message.kind === 'request' ? 'sip:request' : 'sip:response';
      if (!observer.has(name)) return;
      const { callId, cseq } = message.headers;
      const peer = `${transport}:${address}:${port}`;
      const status = message.kind === 'response' ? { status: message.status, reason: message.reason } : {};
      observer.emit(name, { callId, at: clock.wallclock(), direction, peer, method: cseq.method, ...status });
    },
    onTimer: (timer) => {
      if (observer.has('sip:timer')) observer.emit('sip:timer', { ...timer, at: clock.wallclock() });
    },
    onBan: ({ address, reason, since, until }) => observer.emit('sip:banned', { at: since, address, reason, until }),
  };
}
