/** Handshakes of DTLS, both sides in one thread: what one costs beside the asymmetric cryptography that nobody can leave out. */
import { createECDH, generateKeyPairSync, sign, verify } from 'node:crypto';
import { DtlsEndpoint } from '../../media/dtls/endpoint.ts';
import { createDtlsIdentity } from '../../media/dtls/identity.ts';
import type { DtlsIdentity, DtlsRole } from '../../media/dtls/types.ts';
import { createNodeRandom } from '../../src/base/node.ts';
import { generateEcKey } from '../../src/base/node-certificate.ts';
import { figure, ratio } from '../lab/table.ts';
import type { Check } from './check.ts';

const handshakes = 1000;
const warmUp = 300;
/** Times that both are measured, in turn: the least of each counts, since neighbours only add. */
const rounds = 5;
/** CPU ms of one side, at most. */
const limit = 2;

const random = createNodeRandom();

function shakeHands(identities: Readonly<Record<DtlsRole, DtlsIdentity>>): void {
  const onTheWay = { client: [] as Uint8Array[], server: [] as Uint8Array[] };
  let connected = 0;
  const end = (role: DtlsRole, peer: DtlsRole): DtlsEndpoint =>
    new DtlsEndpoint(
      { role, identity: identities[role], fingerprints: [identities[peer].fingerprint], random, clockNow: 0 },
      {
        send: (datagram) => void onTheWay[peer].push(datagram),
        onConnected: () => void connected++,
        onFailed: (error) => {
          throw error;
        },
        onClosed: () => {},
      },
    );
  const ends = { client: end('client', 'server'), server: end('server', 'client') };
  ends.client.start(0);
  while (onTheWay.client.length + onTheWay.server.length > 0)
    for (const role of ['server', 'client'] as const)
      for (const datagram of onTheWay[role].splice(0)) ends[role].datagram(datagram, 0);
  if (connected !== 2) throw new Error('a handshake came to no end');
}

/** One side's: a signature, a verification, a key and a secret on P-256. */
function bareCryptography(): () => void {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const peer = createECDH('prime256v1').generateKeys();
  const data = random.bytes(200);
  return () => {
    if (!verify('sha256', data, publicKey, sign('sha256', data, privateKey))) throw new Error('a signature is wrong');
    const own = createECDH('prime256v1');
    own.generateKeys();
    own.computeSecret(peer);
  };
}

/** CPU ms of one call, on this thread and those that it has help from. */
function cpuOf(work: () => void, times: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

export const dtls: Check = {
  name: `${handshakes} DTLS handshakes`,
  expected: `less than ${limit} ms of CPU for each side`,
  run: async () => {
    const identity = (): DtlsIdentity => createDtlsIdentity({ random, now: Date.now(), generateKey: generateEcKey });
    const identities = { client: identity(), server: identity() };
    const bare = bareCryptography();
    cpuOf(() => shakeHands(identities), warmUp);
    cpuOf(bare, warmUp);
    let [side, reference] = [Infinity, Infinity];
    for (let round = 0; round < rounds; round++) {
      side = Math.min(side, cpuOf(() => shakeHands(identities), handshakes) / 2);
      reference = Math.min(reference, cpuOf(bare, handshakes));
    }
    const identityMs = cpuOf(identity, 200);
    return {
      passed: side < limit,
      seen:
        `${figure(side)} ms a side, ${ratio(side, reference)} the bare cryptography ` +
        `(${figure(reference)} ms: a signature, a verification, a key and a secret on P-256); ` +
        `a new certificate takes ${figure(identityMs)} ms`,
    };
  },
};
