/** Where the packets a leg receives go on to: the other side of a bridge, back to the sender, or nowhere. */
import type { Command } from '../protocol.ts';
import type { LegSnapshot } from '../snapshot.ts';
import type { Incoming } from './incoming.ts';
import type { Outgoing, PacketSink } from './outgoing.ts';
import { PacketRingSink, PacketRingSource } from './packet-ring.ts';

interface BridgeLink {
  readonly id: string;
  readonly peer: string;
  readonly dtmf: boolean;
  readonly transcode: boolean;
  readonly source: PacketRingSource | undefined;
}

type BridgeCommand = Extract<Command, { readonly type: 'bridge.link' }>;

export interface RoutePorts {
  readonly now: () => number;
  /** After packets of another worker were sent on. */
  readonly onTurn: () => void;
  readonly onError: (error: unknown) => void;
}

export class LegRoute {
  readonly #incoming: Incoming;
  /** This leg's own stream. */
  readonly #outgoing: Outgoing;
  readonly #ports: RoutePorts;
  #bridge: BridgeLink | undefined;
  #echo: boolean;

  constructor(incoming: Incoming, outgoing: Outgoing, echo: boolean, ports: RoutePorts) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#echo = echo;
    this.#ports = ports;
    this.#set();
  }

  get bridge(): LegSnapshot['bridge'] {
    if (!this.#bridge) return undefined;
    const { id, peer, dtmf, transcode } = this.#bridge;
    return { id, peer, dtmf, transcode };
  }

  /** A bridge comes before it. */
  get echo(): boolean {
    return this.#echo;
  }

  set echo(on: boolean) {
    this.#echo = on;
    this.#set();
  }

  /** @param other the peer's stream when it is of this engine */
  link({ bridge, peer, dtmf, transcode }: BridgeCommand, other: PacketSink | undefined): void {
    this.close();
    const { now, onTurn, onError } = this.#ports;
    const source =
      peer.kind === 'ring' ? new PacketRingSource(peer.in, this.#outgoing, now, onTurn, onError) : undefined;
    this.#bridge = { id: bridge, peer: peer.leg, dtmf, transcode, source };
    this.#outgoing.transcodes = transcode;
    this.#incoming.sink = peer.kind === 'ring' ? new PacketRingSink(peer.out) : other;
    this.#incoming.forwardDtmf = dtmf;
  }

  unlink(bridge: string): void {
    if (this.#bridge?.id === bridge) this.close();
  }

  /** The other side went. */
  forget(leg: string): void {
    if (this.#bridge?.peer === leg) this.close();
  }

  /** Ends the bridge, if there is one. */
  close(): void {
    this.#bridge?.source?.close();
    this.#bridge = undefined;
    this.#outgoing.transcodes = false;
    this.#set();
  }

  #set(): void {
    if (this.#bridge) return;
    this.#incoming.sink = this.#echo ? this.#outgoing : undefined;
    this.#incoming.forwardDtmf = true;
  }
}
