/** What a registration is made with. */
import type { HeaderField } from '../sip/message.ts';
import type { SipTransportName } from '../sip/options.ts';
import type { Backoff } from './timing.ts';

export interface RegisterTransactionOptions {
  /** Default: the user of the URI. */
  readonly username?: string;
  readonly password?: string;
  readonly displayName?: string;
  /** User of the Contact: whom calls to us will be for. Default: the user of the URI. */
  readonly contactUser?: string;
  /** Where REGISTER goes; default the host of the URI. */
  readonly registrar?: string;
  /** A proxy to send through: a SIP URI. */
  readonly proxy?: string;
  /** Default: as the URI says, else what a look-up of its host gives. */
  readonly transport?: SipTransportName;
  /** Seconds to ask for, as in the Expires header; default 3600. */
  readonly expires?: number;
  readonly headers?: readonly HeaderField[];
  /** Milliseconds until a server that says nothing is given up for the next; default 32,000. */
  readonly responseTimeout?: number;
  /**
   * Register the address that the registrar sees us at instead of our own. Default: over UDP, where the listener
   * names no `externalHost`.
   */
  readonly correctContact?: boolean;
  /** `urn:uuid:…`, the same for ever: asks for outbound (RFC 5626), which keeps calls on this connection. */
  readonly instanceId?: string;
  /** Which of the instance's connections this is; default 1. */
  readonly regId?: number;
}

export interface QualifyOptions {
  /** Milliseconds from an answer to the next OPTIONS, 1000 at least. */
  readonly interval: number;
  /** Milliseconds that each may take; default 4000. */
  readonly timeout?: number;
}

export interface RegisterOptions extends RegisterTransactionOptions {
  /**
   * Once registered, go on asking a registrar that refuses (401, 403, 404 and the like), ever more slowly: carriers
   * refuse for minutes at times. Default true; with false the registration ends.
   */
  readonly retryForever?: boolean;
  /** Go on also when the first attempt fails, which else rejects. Default false. */
  readonly keepTrying?: boolean;
  readonly backoff?: Backoff;
  /**
   * Milliseconds between keep-alives (RFC 5626 §4.4.1); 0 for none. Default: 120,000 over connections, 25,000 over
   * UDP if the registrar sees another address than ours.
   */
  readonly keepAlive?: number;
  /** Ask the registrar by OPTIONS whether it is there; when it comes back we register again. */
  readonly qualify?: QualifyOptions;
  /** Milliseconds that `close` waits for the registrar; default 3000. */
  readonly unregisterTimeout?: number;
  readonly signal?: AbortSignal;
}
