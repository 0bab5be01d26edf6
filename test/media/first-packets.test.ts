/** A caller speaks in the moment of its answer: its first packet and the command that wires it come together. */

import { describe, expect, it } from 'vitest';
import { Engine } from '../../media/engine/engine.ts';
import { defaultJitterBuffer } from '../../media/jitter/delay-estimate.ts';
import type { Command } from '../../media/protocol.ts';
import { FakeClock, MemoryFiles, seededRandom } from '../../src/testing/index.ts';
import { openMachine } from './support/lab.ts';
import { negotiated, parseRtp, rtpBytes } from './support/phone.ts';

const [ours, theirs] = [20_000, 30_000];

async function openLeg() {
  const clock = new FakeClock();
  const { host, deliver, sentTo } = openMachine(clock);
  /** Batches that have come but are behind the packets. */
  const waiting: Command[][] = [];
  const engine = new Engine({
    clock,
    random: seededRandom(1),
    files: new MemoryFiles(clock),
    udp: host.rtp,
    post: () => {},
    waiting: () => waiting.shift(),
  });
  const config = { callId: 'c', bindAddress: host.address, port: ours, rtcpPort: ours + 1 };
  const limits = {
    symmetricRtp: 'latch',
    rtpTimeout: 0,
    rtcpInterval: 5000,
    jitterBuffer: defaultJitterBuffer,
  } as const;
  engine.handle([{ type: 'leg.create', request: 1, leg: 'a', config: { ...config, ...limits } }]);
  await new Promise((resolve) => setImmediate(resolve));
  const remote = { address: '10.0.0.1', port: theirs, rtcpPort: theirs + 1 };
  const say = (sequence: number): void =>
    deliver(
      rtpBytes({ sequence, timestamp: sequence * 160, payload: new Uint8Array(160).fill(sequence) }),
      theirs,
      ours,
    );
  const heard = () => sentTo(theirs).map((bytes) => parseRtp(bytes).payload[0]);
  return { engine, waiting, remote, say, heard };
}

describe('the first packets of a call', () => {
  it('wait for the commands that were sent before the answer', async () => {
    const { engine, waiting, remote, say, heard } = await openLeg();
    waiting.push([{ type: 'leg.negotiate', leg: 'a', audio: negotiated(remote) }]);
    waiting.push([{ type: 'leg.echo', leg: 'a', on: true }]);
    say(1);
    say(2);
    expect(heard()).toEqual([1, 2]);
    await engine.close();
  });

  it('are dropped when nothing says where they go, and do not look for commands for ever', async () => {
    const { engine, waiting, remote, say, heard } = await openLeg();
    engine.handle([{ type: 'leg.negotiate', leg: 'a', audio: negotiated(remote) }]);
    for (let sequence = 1; sequence <= 20; sequence++) say(sequence);
    waiting.push([{ type: 'leg.echo', leg: 'a', on: true }]);
    say(21);
    expect([heard(), waiting.length]).toEqual([[], 1]);
    await engine.close();
  });
});
