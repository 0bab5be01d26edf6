/**
 * Asks a STUN server where it sees our socket (RFC 8445 §5.1.1.2, RFC 8489 §12): the server-reflexive candidate of a host
 * behind a NAT. Pure, as the agent: the leg passes on datagrams and time, from the socket that media will go by.
 */
import type { Random } from '../../src/base/random.ts';
import type { UdpPeer } from '../net/udp-port.ts';
import { bindingMethod, stunClass, transactionBytes } from '../stun/constants.ts';
import { ipFamily } from '../stun/ip.ts';
import { StunReader } from '../stun/reader.ts';
import { StunWriter } from '../stun/writer.ts';
import { candidatePriority } from './candidate.ts';
import { Retransmission } from './retransmission.ts';
import type { IceCandidate } from './types.ts';

/** A server that is there answers well before 500 + 1000 ms; a call does not wait for longer. */
const requests = 2;
const rtoMs = 500;
const requestBytes = 28;

export interface GatherPorts {
  readonly random: Random;
  /** The host candidate whose socket this is. */
  readonly base: IceCandidate;
  /** An address, not a name. */
  readonly server: UdpPeer;
  send(bytes: Uint8Array, length: number, to: UdpPeer): void;
}

/**
 * `found`: there is a candidate. `none`: the server sees us where we are. `failed`: it did not answer, or with an error.
 */
export type GatherState = 'asking' | 'found' | 'none' | 'failed';

export class ReflexiveGatherer {
  readonly #ports: GatherPorts;
  readonly #transaction: Uint8Array;
  readonly #request: StunWriter;
  readonly #again: Retransmission;
  readonly #reader = new StunReader();
  #state: GatherState = 'asking';
  #candidate: IceCandidate | undefined;

  /** Asks at once. @param now ms */
  constructor(ports: GatherPorts, now: number) {
    this.#ports = ports;
    this.#transaction = ports.random.bytes(transactionBytes);
    this.#request = new StunWriter(stunClass.request, bindingMethod, this.#transaction, requestBytes).fingerprint();
    this.#again = new Retransmission(now, rtoMs, requests);
    this.#send();
  }

  #send(): void {
    this.#ports.send(this.#request.bytes, this.#request.length, this.#ports.server);
  }

  get state(): GatherState {
    return this.#state;
  }

  get candidate(): IceCandidate | undefined {
    return this.#candidate;
  }

  /** @returns ms when it wants to be called next; undefined when it is done */
  tick(now: number): number | undefined {
    if (this.#state !== 'asking') return undefined;
    if (this.#again.at <= now) {
      if (this.#again.next(now)) this.#send();
      else this.#state = 'failed';
    }
    return this.due;
  }

  get due(): number | undefined {
    return this.#state === 'asking' ? this.#again.at : undefined;
  }

  /** Never throws. @returns whether it was the server's answer; all else is for the agent */
  datagram(buffer: Uint8Array, offset: number, length: number, from: UdpPeer): boolean {
    const { server, base } = this.#ports;
    const answer = this.#reader;
    if (from.port !== server.port || from.address !== server.address) return false;
    if (!answer.read(buffer, offset, length) || !answer.isOf(this.#transaction)) return false;
    if (answer.class !== stunClass.success && answer.class !== stunClass.error) return false;
    if (answer.hasFingerprint && !answer.fingerprintRight) return false;
    // A copy of an answer is nobody else's.
    if (this.#state !== 'asking') return true;
    const mapped = answer.class === stunClass.success ? answer.mapped : undefined;
    if (!mapped || mapped.port === 0 || ipFamily(mapped.address) !== ipFamily(base.address)) this.#state = 'failed';
    else if (mapped.address === base.address && mapped.port === base.port) this.#state = 'none';
    else {
      this.#state = 'found';
      this.#candidate = reflexiveCandidate(base, mapped);
    }
    return true;
  }
}

function reflexiveCandidate(base: IceCandidate, { address, port }: UdpPeer): IceCandidate {
  return {
    ...base,
    // RFC 8445 §5.1.1.3: another type has another foundation.
    foundation: `s${base.foundation}`,
    priority: candidatePriority('srflx', (base.priority >>> 8) & 0xffff),
    address,
    port,
    type: 'srflx',
    relatedAddress: base.address,
    relatedPort: base.port,
  };
}
