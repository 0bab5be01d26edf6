/** From the command to the first answered call, beside a Node.js that does nothing. */
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../lab/child.ts';
import { serverCore } from '../lab/cores.ts';
import { freePort } from '../lab/free-port.ts';
import { repeat } from '../lab/repeat.ts';
import { rtpPorts, serveArguments } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import type { Lab } from './scenario.ts';

const limitMs = 20_000;
const everyMs = 5;

export async function start(lab: Lab): Promise<Table> {
  lab.progress('Start');
  const { values } = await repeat(lab.runs, async () => ({
    values: { tandem: await firstAnswer(), node: await bareNode() },
    disturbed: undefined,
  }));
  return {
    title: 'Start',
    head: ['', 'ms'],
    rows: [
      ['`tandem serve` to the first answered call', figure(values.tandem, 0)],
      ['`node -e 0`', figure(values.node, 0)],
      ['ratio', ratio(values.tandem, values.node)],
    ],
    notes: [],
  };
}

async function bareNode(): Promise<number> {
  const from = performance.now();
  const child = new Child(process.execPath, ['-e', '0'], { core: serverCore });
  await child.exited;
  return performance.now() - from;
}

async function firstAnswer(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-bench-'));
  const port = await freePort();
  const from = performance.now();
  const args = serveArguments('bench/scripts/calls.ts', port, folder, rtpPorts[2]);
  const child = new Child(process.execPath, args, { core: serverCore, cwd: folder });
  try {
    return (await answered(port, child)) - from;
  } finally {
    child.process.kill('SIGKILL'); // the call is not ended: there is nothing to wait for
    await child.exited;
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sends one INVITE again and again. @returns when its 200 arrived. */
function answered(port: number, server: Child): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const stop = (): void => {
      clearInterval(timer);
      clearTimeout(limit);
      socket.close();
    };
    const fail = (): void => {
      stop();
      reject(new Error(`no call was answered: ${server.stderr.at(-1) ?? ''}`));
    };
    const timer = setInterval(() => {
      const { port: own } = socket.address();
      socket.send(invite(own, port), port, '127.0.0.1', () => {});
    }, everyMs);
    const limit = setTimeout(fail, limitMs);
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      if (!bytes.subarray(0, 11).equals(ok)) return;
      const at = performance.now();
      stop();
      resolve(at);
    });
    socket.bind(0, '127.0.0.1');
  });
}

const ok = Buffer.from('SIP/2.0 200');

function invite(from: number, to: number): string {
  const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${from} RTP/AVP 0\r\n`;
  return [
    `INVITE sip:start@127.0.0.1:${to} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${from};branch=z9hG4bKstart;rport`,
    'Max-Forwards: 70',
    `From: <sip:idle@127.0.0.1:${from}>;tag=start`,
    `To: <sip:start@127.0.0.1:${to}>`,
    'Call-ID: start@127.0.0.1',
    'CSeq: 1 INVITE',
    `Contact: <sip:idle@127.0.0.1:${from}>`,
    'Content-Type: application/sdp',
    `Content-Length: ${sdp.length}`,
    '',
    sdp,
  ].join('\r\n');
}
