/** What one datagram costs a lite ICE agent, by kind: CPU nanoseconds, and beside it the two HMACs of an answer by node:crypto. */
import { createHmac, createSecretKey } from 'node:crypto';
import { IceAgent } from '../../media/ice/agent.ts';
import { hostCandidate } from '../../media/ice/candidate.ts';
import { newIceCredentials } from '../../media/ice/credentials.ts';
import { IceKeys } from '../../media/ice/keys.ts';
import { checkOf } from '../../media/ice/messages.ts';
import { createNodeRandom } from '../../src/base/node.ts';

const random = createNodeRandom();
const batch = 10_000;
const batches = Number(process.argv[2] ?? 30);
const local = newIceCredentials(random);
const remote = newIceCredentials(random);
const peer = { address: '192.0.2.1', port: 4000 };

const agent = new IceAgent({
  random,
  local: [hostCandidate('192.0.2.9', 20_000)],
  send() {},
  onSelected() {},
  onConsentLost() {},
});
agent.configure(
  { local, remote, localLite: true, remoteLite: false, role: 'controlled', candidates: [], endOfCandidates: true },
  0,
);

function check(credentials: typeof local): Uint8Array {
  const content = { role: 'controlling', tieBreaker: { high: 1, low: 1 }, priority: 1, nominates: true } as const;
  const message = checkOf(random.bytes(12), new IceKeys(remote, credentials), content);
  if (!message) throw new Error('there is no password');
  return message.message;
}

const right = check(local);
const spoilt = Uint8Array.from(right, (byte, at) => (at === right.length - 1 ? byte ^ 1 : byte));
const key = createSecretKey(Buffer.from(local.pwd));
/** ms on the agent's clock: as many a second as a peer may send, or all at once. */
let now = 0;
const datagram = (bytes: Uint8Array, ms: number) => (): void => {
  now += ms;
  agent.datagram(bytes, 0, bytes.length, peer, now);
};

const kinds: readonly (readonly [name: string, work: () => void])[] = [
  ['answered', datagram(right, 6)],
  ['wrong-password', datagram(check({ ...local, pwd: remote.pwd }), 0)],
  ['for-nobody', datagram(check(newIceCredentials(random)), 0)],
  ['wrong-checksum', datagram(spoilt, 6)],
  ['no-stun', datagram(right.subarray(0, -4), 0)],
  [
    'reference',
    () => {
      createHmac('sha1', key).update(right).digest();
      createHmac('sha1', key).update(right).digest();
    },
  ],
];

function measure(work: () => void, rounds: number): number {
  const { user, system } = process.cpuUsage();
  for (let i = 0; i < rounds * batch; i++) work();
  const used = process.cpuUsage();
  return ((used.user + used.system - user - system) * 1000) / (rounds * batch);
}

for (const [, work] of kinds) measure(work, 3);
for (const [name, work] of kinds) console.log(`${name} ${measure(work, batches).toFixed(1)}`);
