/** Two endpoints and what lies between them, on a clock of their own. */
import { DtlsEndpoint, type DtlsEndpointOptions } from '../../../media/dtls/endpoint.ts';
import { createDtlsIdentity } from '../../../media/dtls/identity.ts';
import type { DtlsIdentity, DtlsRole } from '../../../media/dtls/types.ts';
import type { SrtpParameters } from '../../../media/srtp/profiles.ts';
import { generateEcKey } from '../../../src/base/node-certificate.ts';
import { seededRandom } from '../../../src/testing/index.ts';

const now = Date.UTC(2030, 0, 1);
const newIdentity = (name: string): DtlsIdentity =>
  createDtlsIdentity({ random: seededRandom(1, name), now, generateKey: generateEcKey });
export const identities = { client: newIdentity('client'), server: newIdentity('server') } as const;

/** An endpoint, and what it had to say. */
export class End {
  readonly endpoint: DtlsEndpoint;
  readonly sent: Uint8Array[] = [];
  keys: SrtpParameters | undefined;
  /** Codes of errors; `closed`. */
  readonly events: string[] = [];
  /** Of the last error. */
  message = '';

  constructor(role: DtlsRole, options: Partial<DtlsEndpointOptions> = {}, seed = 1) {
    const peer = role === 'client' ? 'server' : 'client';
    this.endpoint = new DtlsEndpoint(
      {
        role,
        identity: identities[role],
        fingerprints: [identities[peer].fingerprint],
        random: seededRandom(seed, role),
        clockNow: 0,
        ...options,
      },
      {
        send: (datagram) => void this.sent.push(datagram),
        onConnected: (keys) => {
          if (this.keys) throw new Error('connected twice');
          this.keys = keys;
        },
        onFailed: (error) => {
          this.events.push(error.code);
          this.message = error.message;
        },
        onClosed: () => void this.events.push('closed'),
      },
    );
  }

  /** What it sent since. */
  take(): Uint8Array[] {
    return this.sent.splice(0);
  }
}

/** What becomes of a datagram: when it arrives, ms; several for copies, none for a loss. */
export type Path = (datagram: Uint8Array) => readonly number[];

export class Pair {
  readonly client: End;
  readonly server: End;
  now = 0;
  readonly #path: Path;
  readonly #change: (datagram: Uint8Array) => Uint8Array;
  readonly #onTheWay: { at: number; to: End; datagram: Uint8Array }[] = [];

  constructor(
    options: {
      readonly client?: Partial<DtlsEndpointOptions>;
      readonly server?: Partial<DtlsEndpointOptions>;
      readonly path?: Path;
      /** What arrives instead of a datagram. */
      readonly change?: (datagram: Uint8Array) => Uint8Array;
      readonly seed?: number;
    } = {},
  ) {
    this.client = new End('client', options.client, options.seed);
    this.server = new End('server', options.server, options.seed);
    this.#path = options.path ?? (() => [0]);
    this.#change = options.change ?? ((datagram) => datagram);
  }

  /** Until both are idle or so much time has gone. */
  run(ms = 60_000): this {
    const end = this.now + ms;
    this.client.endpoint.start(this.now);
    while (this.now <= end) {
      this.#post(this.client, this.server);
      this.#post(this.server, this.client);
      this.#onTheWay.sort((a, b) => a.at - b.at);
      const due = Math.min(
        this.#onTheWay[0]?.at ?? Infinity,
        this.client.endpoint.tick(this.now) ?? Infinity,
        this.server.endpoint.tick(this.now) ?? Infinity,
      );
      if (this.client.sent.length > 0 || this.server.sent.length > 0) continue;
      if (due === Infinity) break;
      this.now = Math.max(this.now, due);
      while ((this.#onTheWay[0]?.at ?? Infinity) <= this.now) {
        const { to, datagram } = this.#onTheWay.shift()!;
        to.endpoint.datagram(datagram, this.now);
      }
    }
    return this;
  }

  #post(from: End, to: End): void {
    for (const datagram of from.take())
      for (const delay of this.#path(datagram))
        this.#onTheWay.push({ at: this.now + delay, to, datagram: this.#change(datagram) });
  }
}
