/** Asks by OPTIONS, again and again, whether somebody is there (RFC 3261 §11). */
import type { Clock, Timer } from '../base/clock.ts';
import type { Exchange, RequestOptions, SipEndpoint } from '../sip/endpoint.ts';
import type { QualifyOptions } from './options.ts';

export interface Qualified {
  /** Any answer is a sign of life, but for 503: that one has no room. */
  readonly up: boolean;
  readonly status: number;
  /** From the request to its answer. */
  readonly ms: number;
}

const defaultTimeoutMs = 4_000;
const shortestMs = 1_000;

/** One OPTIONS. @throws TandemError ERR_CLOSED */
export async function qualify(
  endpoint: SipEndpoint,
  clock: Clock,
  options: Omit<RequestOptions, 'method'>,
  timeout = defaultTimeoutMs,
): Promise<Qualified> {
  const start = clock.now();
  const asked = { ...options, method: 'OPTIONS', headers: [['Accept', 'application/sdp']] as const };
  const { response, local }: Exchange = await endpoint.exchange({ ...asked, responseTimeout: timeout });
  const { status } = response;
  return { up: !local && status !== 503, status, ms: clock.now() - start };
}

export class Qualifier {
  readonly #clock: Clock;
  readonly #probe: () => Promise<Qualified>;
  readonly #interval: number;
  readonly #onChange: (result: Qualified, before: Qualified | undefined) => void;
  #last: Qualified | undefined;
  #timer: Timer | undefined;
  #closed = false;

  /** @param onChange told of the first result, and of those that are not as the one before */
  constructor(
    clock: Clock,
    { interval }: QualifyOptions,
    probe: () => Promise<Qualified>,
    onChange: (result: Qualified, before: Qualified | undefined) => void,
  ) {
    this.#clock = clock;
    this.#interval = Math.max(shortestMs, interval);
    this.#probe = probe;
    this.#onChange = onChange;
  }

  get last(): Qualified | undefined {
    return this.#last;
  }

  /** The first OPTIONS goes out at once. */
  start(): void {
    void this.#ask();
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const result = await this.#probe().catch(() => undefined);
    if (this.#closed || !result) return;
    const before = this.#last;
    this.#last = result;
    this.#timer = this.#clock.setTimer(this.#interval, () => void this.#ask(), 'qualify');
    if (before?.up !== result.up) this.#onChange(result, before);
  }
}
