/** Where the SIP core shows what is on the wire: to the traces of calls, and to a capture server. */
import type { Clock } from '../../base/clock.ts';
import { isWildcard } from '../transport/address.ts';
import type { PeerFlow } from '../transport/flow.ts';
import type { WireMessage } from './call-trace.ts';
import { type HepContext, HepExporter } from './hep-exporter.ts';
import type { TraceSettings } from './options.ts';
import { SipTrace } from './trace.ts';

type TapContext = Omit<HepContext, 'target' | 'source'>;

export class Tap {
  readonly trace: SipTrace;
  readonly #clock: Clock;
  readonly #hep: HepExporter | undefined;
  readonly #isOn: boolean;

  constructor(settings: TraceSettings, context: TapContext) {
    const { hep: target, captureId, password, keep } = settings;
    this.#clock = context.clock;
    this.trace = new SipTrace(settings, context.clock);
    this.#hep = target && new HepExporter({ ...context, target, source: { captureId, password } });
    this.#isOn = keep !== 'none' || target !== undefined;
  }

  open(): void {
    this.#hep?.open();
  }

  async close(): Promise<void> {
    await this.#hep?.close();
  }

  /**
   * A message, or a copy of one, was sent or received. The bytes do not change any more.
   * @param begins an INVITE outside a dialog
   */
  note(direction: 'in' | 'out', callId: string, bytes: Uint8Array, flow: PeerFlow, begins: boolean): void {
    if (!this.#isOn) return;
    const { transport, listener, address, port } = flow;
    const message: WireMessage = {
      at: this.#clock.wallclock(),
      direction,
      transport,
      localAddress: isWildcard(listener.host) ? listener.advertise(address).host : listener.host,
      localPort: listener.port,
      address,
      port,
      // What came by a stream is cut from a larger piece.
      bytes: direction === 'in' && flow.reliable ? new Uint8Array(bytes) : bytes,
    };
    this.trace.record(callId, message, begins);
    this.#hep?.send(message, callId);
  }
}
