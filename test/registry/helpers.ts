/** A registry without a house: its calls are made by hand. */
import type { RegistryOptions } from '../../src/registry/options.ts';
import { DialogRecord } from '../../src/registry/record.ts';
import { DialogRegistry } from '../../src/registry/registry.ts';
import type { LegBirth, LegReport } from '../../src/session/call-data.ts';
import type { DialogSession } from '../../src/session/dialog-session.ts';
import type { EndCause } from '../../src/session/errors.ts';
import type { SessionState } from '../../src/session/session-options.ts';
import { FakeClock, seededRandom } from '../../src/testing/index.ts';

export interface Bench {
  readonly registry: DialogRegistry;
  readonly clock: FakeClock;
}

const quiet = { warn: () => {}, info: () => {}, error: () => {}, debug: () => {} };

export function bench(options: RegistryOptions = {}, seed = 1): Bench {
  const clock = new FakeClock();
  const registry = new DialogRegistry(options, {
    clock,
    random: seededRandom(seed),
    logger: quiet as never,
    connect: async () => {},
    bridgeBySip: async () => {},
    bridgeHere: async () => {},
    foreignLegs: () => false,
  });
  return { registry, clock };
}

/** A leg that does what it is told. */
export class FakeLeg {
  readonly callId: string;
  state: SessionState = 'initial';
  readonly terminated: EndCause[] = [];
  readonly requests: string[] = [];
  signalling: unknown;
  #report: LegReport | undefined;

  constructor(callId: string) {
    this.callId = callId;
    this.signalling = {
      callId,
      local: { tag: `l-${callId}`, uri: 'sip:us@x', contact: 'sip:us@x', cseq: 0 },
      remote: { tag: `r-${callId}`, uri: 'sip:peer@x', contact: 'sip:peer@x', cseq: 1 },
      routeSet: [],
      socket: 'udp:192.0.2.1:5060',
    };
  }

  join(record: DialogRecord, birth: Partial<LegBirth> = {}): this {
    this.#report = record.join(this as unknown as DialogSession, {
      direction: 'inbound',
      fromUri: 'sip:alice@x',
      toUri: 'sip:bob@x',
      requestUri: 'sip:bob@x',
      ...birth,
    });
    return this;
  }

  advance(state: 'early' | 'answered' | 'confirmed', status = state === 'early' ? 180 : 200): this {
    this.state = state;
    this.#report?.advanced(state, status);
    return this;
  }

  up(): this {
    return this.advance('answered').advance('confirmed');
  }

  asks(method: string): void {
    this.#report?.request({ method } as never);
  }

  replaced(): void {
    this.#report?.replaced();
  }

  end(cause: EndCause = { by: 'remote', method: 'BYE' }, over: Promise<void> = Promise.resolve()): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.#report?.left(cause, over);
  }

  async terminate(cause: EndCause): Promise<void> {
    this.terminated.push(cause);
    this.end(cause);
  }

  async request(method: string): Promise<{ status: number }> {
    this.requests.push(method);
    return { status: 200 };
  }
}

/** A new call with its first leg. */
export function call(registry: DialogRegistry, callId: string, birth: Partial<LegBirth> = {}): [DialogRecord, FakeLeg] {
  const record = registry.callData(callId);
  if (!(record instanceof DialogRecord)) throw new Error('no record');
  return [record, new FakeLeg(callId).join(record, birth)];
}

/** Lets promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}
