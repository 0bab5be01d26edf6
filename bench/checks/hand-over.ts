/** The audio of many calls moves from one process to another: how long nobody has it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { HandOverPart } from '../scripts/hand-over.ts';
import type { Check } from './check.ts';

const legs = 200;
const firstPort = 24_000;
const rounds = 5;
const limitMs = 100;

export const handOver: Check = {
  name: `${legs} legs (${2 * legs} sockets) handed over in one process and built again from data in another`,
  expected: `less than ${limitMs} ms in all, in the middle of ${rounds} rounds`,
  async run() {
    const seen: { readonly given: number; readonly taken: number }[] = [];
    for (let i = 0; i < rounds; i++) seen.push(await round());
    seen.sort((a, b) => a.given + a.taken - (b.given + b.taken));
    const { given, taken } = seen[Math.floor(rounds / 2)]!;
    return {
      passed: given + taken < limitMs,
      seen: `${given.toFixed(0)} ms to hand over, ${taken.toFixed(0)} ms to build again`,
    };
  },
};

async function round(): Promise<{ readonly given: number; readonly taken: number }> {
  const [giver, taker] = [start('give'), start('take')];
  await Promise.all([part(giver), part(taker)]);
  giver.send('go');
  const { ms: given, snapshots } = await part(giver);
  await once(giver, 'exit');
  taker.send(snapshots as object[]);
  const { ms: taken } = await part(taker);
  await once(taker, 'exit');
  return { given, taken };
}

function start(half: 'give' | 'take'): ChildProcess {
  const script = new URL('../scripts/hand-over.ts', import.meta.url);
  return fork(script, [half, String(firstPort), String(legs)], { serialization: 'advanced' });
}

async function part(child: ChildProcess): Promise<HandOverPart> {
  const [message] = (await once(child, 'message')) as [HandOverPart];
  return message;
}
