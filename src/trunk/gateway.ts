/** One of a trunk's gateways, and whether it is there. */

import { type Qualified, Qualifier, qualify } from '../registration/qualifier.ts';
import type { QualifyEvent } from '../session/events.ts';
import { noParams } from '../sip/message.ts';
import { printUri, type SipUri } from '../sip/uri.ts';
import type { TrunkContext } from './trunk.ts';

export interface GatewayReport {
  readonly uri: string;
  /** `unknown`: nobody asked yet, or asks at all. */
  readonly state: 'up' | 'down' | 'unknown';
  readonly lastQualify: Qualified | undefined;
}

export class Gateway {
  readonly uri: SipUri;
  readonly #text: string;
  readonly #qualifier: Qualifier | undefined;

  /** @param interval ms between the OPTIONS; 0 for none */
  constructor(
    context: TrunkContext,
    uri: SipUri,
    account: string,
    interval: number,
    onChange: (event: QualifyEvent) => void,
  ) {
    this.uri = uri;
    this.#text = printUri(uri);
    if (interval === 0) return;
    const { endpoint, clock } = context;
    const from = {
      displayName: undefined,
      uri: printUri({ ...uri, user: account, port: undefined, params: noParams }),
      params: noParams,
    };
    const to = { displayName: undefined, uri: this.#text, params: noParams };
    this.#qualifier = new Qualifier(
      clock,
      { interval },
      () => qualify(endpoint, clock, { uri: this.#text, from, to, contactUser: account }),
      ({ up, status, ms }) => onChange({ uri: this.#text, at: clock.wallclock(), up, status, ms }),
    );
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
