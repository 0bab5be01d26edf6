/** The yardstick for whatever callload drives: a bare C answerer that echoes, loaded in the same way. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callload, type Measured } from '../lab/callload.ts';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { freePort } from '../lab/free-port.ts';
import type { Lab } from './scenario.ts';

const startMs = 100;
const rampRate = 1000;
/** It keeps a socket for every call it ever had: so many are sure to fit. */
const mostCalls = 3000;

/** `calls` that are echoed. */
export function cechoEcho(lab: Lab, calls: number): Promise<Measured> {
  return withCecho(lab, (target, pid) =>
    callload(lab.tools.callload, target, pid, { calls, rate: rampRate, rtp: 'echo', seconds: lab.seconds }),
  );
}

/** Calls that are set up and hung up at once. */
export function cechoSetUp(lab: Lab, rate: number): Promise<Measured> {
  const calls = Math.min(mostCalls, Math.round(rate * lab.seconds));
  return withCecho(lab, (target, pid) => callload(lab.tools.callload, target, pid, { calls, rate, rtp: 'none' }));
}

async function withCecho(
  { tools }: Lab,
  measure: (target: string, pid: number) => Promise<Measured>,
): Promise<Measured> {
  const port = await freePort();
  await using server = new Child(tools.cecho, [String(port)], { core: serverCore });
  await sleep(startMs);
  return await measure(`127.0.0.1:${port}`, server.pid);
}
