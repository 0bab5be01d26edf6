/** Two legs whose audio is forwarded to each other; the work is done where the legs live. */
import { TandemError } from '../../src/base/errors.ts';
import { createByteRing } from '../engine/byte-ring.ts';
import type { MediaLeg } from './leg.ts';
import type { EngineLink } from './link.ts';

/** Per direction between two workers: more than a second of 20 ms packets. */
const ringBytes = 32 * 1024;

export interface MediaBridgeOptions {
  /** False keeps telephone-events from crossing; default true. */
  readonly dtmf?: boolean;
  /** Convert between codecs; default false: what does not fit is dropped. */
  readonly transcode?: boolean;
}

export class MediaBridge {
  readonly id: string;
  readonly #options: Required<MediaBridgeOptions>;
  readonly #legs: MediaLeg[] = [];
  readonly #onClosed: () => void;
  #closed = false;

  constructor(id: string, { dtmf = true, transcode = false }: MediaBridgeOptions, onClosed: () => void) {
    this.id = id;
    this.#options = { dtmf, transcode };
    this.#onClosed = onClosed;
  }

  get legs(): readonly MediaLeg[] {
    return this.#legs;
  }

  /** Starts with the second. Adding one again changes nothing. @throws ERR_BRIDGE_FULL, ERR_BRIDGE_CLOSED */
  add(leg: MediaLeg): void {
    if (this.#closed) throw new TandemError('ERR_BRIDGE_CLOSED', 'the bridge is closed');
    if (this.#legs.includes(leg)) return;
    if (this.#legs.length === 2) throw new TandemError('ERR_BRIDGE_FULL', 'a bridge joins two legs; use a conference');
    this.#legs.push(leg);
    const [a, b] = this.#legs;
    if (a && b) this.#link(a, b);
  }

  remove(leg: MediaLeg): void {
    const index = this.#legs.indexOf(leg);
    if (index < 0) return;
    for (const member of this.#legs) member.link.send({ type: 'bridge.unlink', bridge: this.id, leg: member.id });
    this.#legs.splice(index, 1);
  }

  /** A leg of this engine was built again. */
  relink(engine: EngineLink): void {
    const [a, b] = this.#legs;
    if (a && b && (a.link === engine || b.link === engine)) this.#link(a, b);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    for (const leg of [...this.#legs]) this.remove(leg);
    this.#closed = true;
    this.#onClosed();
  }

  #link(a: MediaLeg, b: MediaLeg): void {
    const bridge = { type: 'bridge.link', bridge: this.id, ...this.#options } as const;
    if (a.link === b.link) {
      a.link.send({ ...bridge, leg: a.id, peer: { kind: 'leg', leg: b.id } });
      b.link.send({ ...bridge, leg: b.id, peer: { kind: 'leg', leg: a.id } });
      return;
    }
    const toA = createByteRing(ringBytes);
    const toB = createByteRing(ringBytes);
    a.link.send({ ...bridge, leg: a.id, peer: { kind: 'ring', leg: b.id, out: toB, in: toA } });
    b.link.send({ ...bridge, leg: b.id, peer: { kind: 'ring', leg: a.id, out: toA, in: toB } });
  }
}
