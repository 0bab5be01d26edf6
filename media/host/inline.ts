/** An engine in this thread: for the lab, whose clock and network cannot be shared, and for `workers: 0`. */
import type { Clock } from '../../src/base/clock.ts';
import type { Files } from '../../src/base/io.ts';
import type { Random } from '../../src/base/random.ts';
import { Engine } from '../engine/engine.ts';
import { openUdpIo, type UdpIoChoice } from '../net/own-udp-io.ts';
import type { UdpIo } from '../net/udp-port.ts';
import type { Command } from '../protocol.ts';
import type { EngineHost, HostListener } from './host.ts';

export interface InlinePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  /** A network of its own, or the machine's and how. */
  readonly udp: UdpIo | UdpIoChoice;
  /** As of `EnginePorts`. */
  readonly saves: 'beyond' | undefined;
}

export function startInline({ clock, random, files, udp, saves }: InlinePorts, listener: HostListener): EngineHost {
  const own = 'io' in udp ? openUdpIo(udp.io) : undefined;
  const engine = new Engine({
    clock,
    random,
    files,
    saves,
    udp: own ?? (udp as UdpIo),
    post: (events) => listener.onEvents(events),
  });
  let batch: Command[] = [];
  return {
    send(command) {
      if (batch.length === 0)
        queueMicrotask(() => {
          const commands = batch;
          batch = [];
          engine.handle(commands);
        });
      batch.push(command);
    },
    close: () => engine.close().then(() => own?.close()),
  };
}
