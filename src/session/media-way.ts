/** What becomes of a call whose audio finds no way to the peer, or loses it (ICE, DTLS). */
import type { DtlsState, IceState } from '../../media/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { EndCause } from './errors.ts';

/**
 * ms that a peer which is not heard any more may take to come back by another network: it was silent for 30 s by then
 * (RFC 7675 §5.1).
 */
const comeBackMs = 15_000;
/** ms that the BYE of a peer which closed its audio may take. */
const byeMs = 2000;

export class MediaWay {
  readonly #clock: Clock;
  readonly #end: (cause: EndCause) => void;
  #timer: Timer | undefined;

  /** @param end ends the call */
  constructor(clock: Clock, end: (cause: EndCause) => void) {
    this.#clock = clock;
    this.#end = end;
  }

  ice(state: IceState): void {
    switch (state) {
      case 'connected':
        this.close();
        return;
      case 'disconnected':
        this.#endAfter(comeBackMs, { by: 'timeout', status: 408, reason: 'the peer did not come back' });
        return;
      case 'failed':
        this.#end({ by: 'error', status: 480, reason: 'no way to the peer was found' });
        return;
      default:
        state satisfies never;
    }
  }

  dtls(state: DtlsState, error: string | undefined): void {
    switch (state) {
      case 'connected':
        this.close();
        return;
      case 'failed':
        this.#end({ by: 'error', status: 488, reason: error ?? 'no keys' });
        return;
      case 'closed':
        this.#endAfter(byeMs, { by: 'remote', reason: 'the peer closed its audio' });
        return;
      default:
        state satisfies never;
    }
  }

  #endAfter(ms: number, cause: EndCause): void {
    this.close();
    this.#timer = this.#clock.setTimer(
      ms,
      () => {
        this.#timer = undefined;
        this.#end(cause);
      },
      'peer lost',
    );
  }

  /** Whatever was lost: the peer negotiates, the call is over, or goes on with another peer. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
