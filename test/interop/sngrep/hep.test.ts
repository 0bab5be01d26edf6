/** HEP as sngrep reads it: it writes what it was told into a capture file. */
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort, isBound } from '../support/ports.ts';
import { expectNoPrograms, Program } from '../support/process.ts';
import { TandemServer } from '../support/tandem.ts';

afterEach(expectNoPrograms);

interface Packet {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

/** UDP over IPv4 over Ethernet, of a little-endian capture file. */
function packetsOf(pcap: Buffer): Packet[] {
  const packets: Packet[] = [];
  for (let at = 24; at < pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const ip = pcap.subarray(at + 16 + 14, at + 16 + length);
    const udp = ip.subarray(4 * ((ip[0] ?? 0) & 15));
    packets.push({
      from: `${ip.subarray(12, 16).join('.')}:${udp.readUInt16BE(0)}`,
      to: `${ip.subarray(16, 20).join('.')}:${udp.readUInt16BE(2)}`,
      text: udp.subarray(8).toString('latin1'),
    });
    at += 16 + length;
  }
  return packets;
}

describe('sngrep as the collector', () => {
  it('sees a call as it was on the wire', async () => {
    await using folder = await temporaryFolder();
    const port = await freePort();
    const file = folder.file('hep.pcap');
    await using sngrep = new Program('sngrep', ['-N', '-L', `udp:127.0.0.1:${port}`, '-O', file]);
    await sngrep.until('bound', () => isBound('udp', port));
    await using server = await TandemServer.start(['ivr'], { env: { TANDEM_TRACE_HEP: `udp:127.0.0.1:${port}` } });
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: '4711' })).status).toBe(404);

    const ours = `127.0.0.1:${server.port}`;
    const theirs = `127.0.0.1:${phone.sipPort}`;
    const seen = async (): Promise<string[]> =>
      packetsOf(await readFile(file)).map(
        ({ from, to, text }) => `${from} > ${to} ${text.slice(0, text.indexOf('\r\n'))}`,
      );
    await expect
      .poll(seen)
      .toEqual([
        expect.stringMatching(`^${theirs} > ${ours} INVITE `),
        expect.stringMatching(`^${ours} > ${theirs} SIP/2.0 404 `),
        expect.stringMatching(`^${theirs} > ${ours} ACK `),
      ]);
    const [, answer] = packetsOf(await readFile(file));
    expect(phone.received.map(({ text }) => text)).toContain(answer?.text);
  });
});
