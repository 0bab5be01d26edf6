/** The same as `c/srtp.c`, with Tandem's contexts: CPU nanoseconds per packet, of all threads of the process. */
import { masterBytes, type SrtpProfile } from '../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../media/srtp/receiver.ts';
import { SrtpSender } from '../../media/srtp/sender.ts';

const packetBytes = 172;
const batch = 1000;
const profiles: readonly SrtpProfile[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_80',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
];

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

function measure(profile: SrtpProfile, batches: number): readonly [protect: number, unprotect: number] {
  const key = { inline: Buffer.alloc(masterBytes(profile), 7).toString('base64'), mki: '', lifetime: undefined };
  const sender = SrtpSender.create(profile, key);
  const receiver = SrtpReceiver.create(profile, [key]);
  const packet = new Uint8Array(packetBytes).fill(0x55);
  packet.set([0x80, 0]);
  const sealed: Uint8Array[] = new Array(batch);
  let [sequence, protect, unprotect] = [0, 0, 0];
  for (let round = 0; round < batches; round++) {
    const start = cpuNs();
    for (let i = 0; i < batch; i++) {
      packet[2] = sequence >> 8;
      packet[3] = sequence++;
      sealed[i] = sender.rtp(packet, 0, packetBytes) as Uint8Array;
    }
    const middle = cpuNs();
    for (const one of sealed)
      if (receiver.rtp(one, 0, sender.length) !== packetBytes) throw new Error(receiver.failure);
    protect += middle - start;
    unprotect += cpuNs() - middle;
  }
  return [protect / batches / batch, unprotect / batches / batch];
}

const batches = Number(process.argv[2] ?? 100);
for (const profile of profiles) measure(profile, 20);
for (const profile of profiles)
  console.log([profile, ...measure(profile, batches).map((ns) => ns.toFixed(1))].join(' '));
