/** One of a trunk's gateways, and whether it is there. */
import { type Qualified, Qualifier, qualify } from '../registration/qualifier.ts';
import type { QualifyEvent } from '../session/events.ts';
import { type NameAddr, noParams } from '../sip/message.ts';
import { printUri, type SipUri } from '../sip/uri.ts';
import type { TrunkContext } from './trunk.ts';

export interface GatewayReport {
  readonly uri: string;
  /** `unknown`: nobody asked yet, or asks at all. */
  readonly state: 'up' | 'down' | 'unknown';
  readonly lastQualify: Qualified | undefined;
}

export interface GatewayOptions {
  readonly uri: SipUri;
  /** Our user there. */
  readonly account: string;
  readonly proxy: string | undefined;
  /** Milliseconds between the OPTIONS; 0 for none. */
  readonly interval: number;
  /** Milliseconds that each may take. */
  readonly timeout: number;
}

export class Gateway {
  readonly uri: SipUri;
  readonly #text: string;
  readonly #ask: () => Promise<Qualified>;
  readonly #qualifier: Qualifier | undefined;

  constructor(
    { endpoint, clock }: Pick<TrunkContext, 'endpoint' | 'clock'>,
    { uri, account, proxy, interval, timeout }: GatewayOptions,
    onChange: (event: QualifyEvent, isBack: boolean) => void,
  ) {
    this.uri = uri;
    this.#text = printUri(uri);
    const address = (of: SipUri): NameAddr => ({ displayName: undefined, uri: printUri(of), params: noParams });
    const [from, to] = [address({ ...uri, user: account, port: undefined, params: noParams }), address(uri)];
    const route = proxy === undefined ? [] : [proxy];
    this.#ask = () => qualify(endpoint, clock, { uri: this.#text, from, to, contactUser: account, route }, timeout);
    if (interval === 0) return;
    this.#qualifier = new Qualifier(clock, { interval }, this.#ask, ({ up, status, ms }, before) =>
      onChange({ uri: this.#text, at: clock.wallclock(), up, status, ms }, up && before !== undefined),
    );
  }

  /** One OPTIONS, now. */
  async qualify(): Promise<GatewayReport> {
    const lastQualify = await this.#ask();
    return { uri: this.#text, state: lastQualify.up ? 'up' : 'down', lastQualify };
  }

  get isDown(): boolean {
    return this.#qualifier?.last?.up === false;
  }

  start(): void {
    this.#qualifier?.start();
  }

  close(): void {
    this.#qualifier?.close();
  }

  report(): GatewayReport {
    const lastQualify = this.#qualifier?.last;
    const state = lastQualify === undefined ? 'unknown' : lastQualify.up ? 'up' : 'down';
    return { uri: this.#text, state, lastQualify };
  }
}
