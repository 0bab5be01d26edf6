/**
 * The DTLS handshake of one leg. It is made here, in the main thread, where the arithmetic of it delays no packet; its
 * records come and go by the leg's socket, and what it settles is told to the leg's engine.
 */
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { TandemError } from '../../src/base/errors.ts';
import type { Random } from '../../src/base/random.ts';
import { DtlsEndpoint } from '../dtls/endpoint.ts';
import type { DtlsIdentity, DtlsParameters } from '../dtls/types.ts';
import type { IceCredentials } from '../ice/types.ts';
import type { NegotiatedAudio } from '../sdp/types.ts';
import type { SrtpParameters } from '../srtp/profiles.ts';

/** `connected`: there are keys. `failed`: there will be none. `closed`: the peer ended the association. */
export type DtlsState = 'connected' | 'failed' | 'closed';

export interface HandshakePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly send: (record: Uint8Array) => void;
  readonly onKeys: (srtp: SrtpParameters) => void;
  readonly onState: (state: DtlsState, error?: TandemError) => void;
}

export class LegHandshake {
  readonly #ports: HandshakePorts;
  #identity: DtlsIdentity | undefined;
  #parameters: DtlsParameters | undefined;
  #peer: IceCredentials | undefined;
  #endpoint: DtlsEndpoint | undefined;
  #timer: Timer | undefined;
  /** The peer may begin anew under the certificate that it had (RFC 6347 §4.2.8). */
  #mayBeginAnew = false;
  #reached = false;

  constructor(ports: HandshakePorts) {
    this.#ports = ports;
  }

  /** What an offer and its answer settled. An association that still fits it goes on (RFC 8842 §4). */
  configure({ dtls, ice }: NegotiatedAudio, identity: DtlsIdentity | undefined): void {
    const before = this.#parameters;
    const restarted = this.#peer !== undefined && ice !== undefined && this.#peer.pwd !== ice.remote?.pwd;
    this.#peer = ice?.remote;
    this.#parameters = dtls;
    this.#identity = identity;
    if (!dtls) {
      this.close();
      return;
    }
    if (!ice) this.#reached = true;
    if (before && sameAssociation(before, dtls)) {
      this.#mayBeginAnew ||= restarted;
      return;
    }
    this.#begin(dtls);
  }

  /** Goes on with the keys that an earlier process settled. @param keyed there are such */
  resume(audio: NegotiatedAudio, identity: DtlsIdentity | undefined, keyed: boolean): void {
    if (keyed) {
      this.#parameters = audio.dtls;
      this.#mayBeginAnew = true;
    }
    this.configure(audio, identity);
  }

  #begin(dtls: DtlsParameters): void {
    const { clock, random, send, onKeys, onState } = this.#ports;
    if (!this.#identity) return;
    this.#mayBeginAnew = false;
    const endpoint: DtlsEndpoint = new DtlsEndpoint(
      { role: dtls.role, identity: this.#identity, fingerprints: dtls.fingerprints, random, clockNow: clock.now() },
      {
        send,
        onConnected: (srtp) => {
          onKeys(srtp);
          onState('connected');
        },
        onFailed: (error) => this.#endpoint === endpoint && onState('failed', error),
        onClosed: () => this.#endpoint === endpoint && onState('closed'),
      },
    );
    this.#endpoint = endpoint;
    if (this.#reached && dtls.role === 'client') endpoint.start(clock.now());
    this.#tick();
  }

  /** ICE found the peer: now it can hear us. */
  reached(): void {
    this.#reached = true;
    if (this.#endpoint?.state === 'new' && this.#parameters?.role === 'client')
      this.#endpoint.start(this.#ports.clock.now());
    this.#tick();
  }

  /** A record of the peer. */
  record(bytes: Uint8Array): void {
    if (this.#mayBeginAnew && this.#parameters?.role === 'server' && beginsHandshake(bytes))
      this.#begin(this.#parameters);
    this.#endpoint?.datagram(bytes, this.#ports.clock.now());
    this.#tick();
  }

  #tick(): void {
    const { clock } = this.#ports;
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = clock.now();
    const next = this.#endpoint?.tick(now);
    if (next === undefined) return;
    this.#timer = clock.setTimer(
      Math.max(0, next - now),
      () => {
        this.#timer = undefined;
        this.#tick();
      },
      'dtls',
    );
  }

  /** Tells the peer that the association is over. */
  close(): void {
    const endpoint = this.#endpoint;
    this.rest();
    endpoint?.close(this.#ports.clock.now());
  }

  /** Without a word to the peer. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#endpoint = undefined;
  }
}

function sameAssociation(one: DtlsParameters, other: DtlsParameters): boolean {
  const names = ({ fingerprints }: DtlsParameters): string =>
    fingerprints
      .map(({ value }) => value)
      .sort()
      .join();
  return one.role === other.role && names(one) === names(other);
}

/** A ClientHello in epoch 0 (RFC 6347 §4.3.2). */
function beginsHandshake(record: Uint8Array): boolean {
  return record[0] === 22 && record[3] === 0 && record[4] === 0 && record[13] === 1;
}
