/** What stops or kills other SIP stacks, sent to the real server; it takes the next call each time. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RawPhone } from '../helpers/raw-phone.ts';
import { leftovers } from './support/process.ts';
import { payloads, payloadsOf } from './support/sound.ts';
import { TandemServer } from './support/tandem.ts';

let server: TandemServer;

beforeAll(async () => {
  server = await TandemServer.start(['ivr'], { forAll: true });
});

/** The next call: answered, echoed, hung up; and the attack left nothing. */
afterEach(async () => {
  using phone = await RawPhone.open();
  expect((await phone.call(server.port, { user: '600' })).status).toBe(200);
  const said = payloads(10, 1);
  await phone.speak(said);
  await phone.hears(5, 0);
  expect(Buffer.concat(said).includes(payloadsOf(phone.packets.slice(0, 1)))).toBe(true);
  expect((await phone.bye()).status).toBe(200);
  expect(server.program.hasEnded).toBe(false);
  await server.expectIdle();
  expect(server.errors).toEqual([]);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  expect(leftovers()).toEqual([]);
});

interface Fields {
  readonly user?: string;
  readonly to?: string;
  readonly contact?: string;
  readonly extra?: string;
}

function invite(
  { user = '600', to = `<sip:${user}@127.0.0.1>`, contact = '<sip:x@127.0.0.1:9>', extra = '' }: Fields,
  port = 9,
): string {
  return [
    `INVITE sip:${user}@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${Math.random()};rport`,
    'Max-Forwards: 70',
    'From: <sip:x@127.0.0.1>;tag=1',
    `To: ${to}`,
    `Call-ID: ${Math.random()}`,
    'CSeq: 1 INVITE',
    `Contact: ${contact}`,
    `${extra}Content-Length: 0`,
    '',
    '',
  ].join('\r\n');
}

async function sendUdp(text: string): Promise<void> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) =>
      socket.send(Buffer.from(text, 'latin1'), server.port, '127.0.0.1', (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  } finally {
    socket.close();
  }
}

/** Sends what it can; resolves when all is sent or the server has had enough. */
async function sendTcp(chunks: Iterable<string | Uint8Array>): Promise<{ readonly closedByServer: boolean }> {
  const socket = connect(server.tcpPort, '127.0.0.1');
  let over = false;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.once('close', () => {
    over = true;
  });
  socket.resume();
  for (const chunk of chunks) {
    if (over) break;
    if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
  await Promise.race([closed, delay(1000)]);
  const closedByServer = over;
  socket.destroy();
  return { closedByServer };
}

describe('one datagram', () => {
  it.each([
    ['To', { to: `<${' '.repeat(8000)}` }],
    ['Contact', { contact: `<${' '.repeat(8000)}` }],
    ['Route', { extra: `Route: <${' '.repeat(8000)}\r\n` }],
    ['Refer-To', { extra: `Refer-To: <${' '.repeat(8000)}\r\n` }],
    ['To, followed by blanks', { to: `<sip:a@b>${' '.repeat(60_000)}` }],
    ['To, folded', { to: `<${'\r\n '.repeat(3000)}` }],
    ['To, vertical tabs', { to: `<${'\v'.repeat(8000)}` }],
    ['To, no-break spaces', { to: `<${'\xa0'.repeat(8000)}` }],
    ['Authorization', { extra: `Authorization: ${'a'.repeat(60_000)}\r\n` }],
  ] satisfies [string, Fields][])('with a field that takes a bad parser for ever: %s', async (_, fields) => {
    await sendUdp(invite(fields));
  });

  it('with a status line of blanks', () => sendUdp(`SIP/2.0 200 ${' '.repeat(16_000)}\nx\ny`));

  it.each([0, 1, 4, 65_000])('of %i bytes that are no SIP', (length) => sendUdp('\0'.repeat(length)));
});

describe('a connection', () => {
  it('with 12,000 heads that are none', () => sendTcp(['x\r\n\r\n'.repeat(12_000)]).then(() => {}));

  it.each(['abc', '-1', '0x3', '1e9', '99999999', '3, 3'])('with Content-Length %s is not buffered', async (length) => {
    const before = (await server.check()).process.memory.rss;
    const head = invite({}).replace('Content-Length: 0', `Content-Length: ${length}`);
    const chunk = Buffer.alloc(1_000_000, 0x61);
    const { closedByServer } = await sendTcp([head, ...Array.from({ length: 60 }, () => chunk)]);
    expect(closedByServer).toBe(true);
    expect((await server.check()).process.memory.rss - before).toBeLessThan(60_000_000);
  });

  it('with a head that never ends', async () => {
    const chunks = [
      'INVITE sip:600@127.0.0.1 SIP/2.0\r\n',
      ...Array.from({ length: 2000 }, () => `X: ${'a'.repeat(1000)}\r\n`),
    ];
    expect((await sendTcp(chunks)).closedByServer).toBe(true);
  });
});

describe('a Contact that cannot be called', () => {
  it.each([
    'sip:a@127.0.0.1:99999',
    'sip:x@localhost;transport=sctp',
    'sip:x@[::1',
    'tel:+123',
    'urn:service:sos',
    '*',
  ])('%s: refused, or the call ends without the BYE', async (contact) => {
    // The ACK has no answer to the server's offer: it is the server that hangs up.
    const status = await callOnce(invite({ user: '603', contact: contact === '*' ? '*' : `<${contact}>` }));
    expect([200, 400, 416]).toContain(status);
  });
});

describe('a burst of 1,000 INVITEs', () => {
  it('is answered, each one, although none is sent again', async () => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 });
    const refused = new Set<string>();
    socket.on('message', (data) => {
      const text = data.toString('latin1');
      const callId = /^Call-ID: (.*)$/im.exec(text)?.[1];
      if (!callId || !text.startsWith('SIP/2.0 404')) return;
      refused.add(callId);
      socket.send(ackTo(text, 'sip:4711@127.0.0.1'), server.port, '127.0.0.1');
    });
    try {
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      const { port } = socket.address();
      for (let i = 0; i < 1000; i++) socket.send(invite({ user: '4711' }, port), server.port, '127.0.0.1');
      await expect.poll(() => refused.size, { timeout: 20_000 }).toBe(1000);
    } finally {
      socket.close();
    }
  });
});

/** Sends an INVITE, ACKs its final response and does nothing more; resolves with its status. */
async function callOnce(text: string): Promise<number> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const final = new Promise<string>((resolve) => {
      socket.on('message', (data) => {
        const response = data.toString('latin1');
        if (/^SIP\/2\.0 [2-6]/.test(response)) resolve(response);
      });
    });
    socket.send(text.replace('127.0.0.1:9;branch', `127.0.0.1:${port};branch`), server.port, '127.0.0.1');
    const response = await final;
    const ack = ackTo(response, 'sip:603@127.0.0.1');
    await new Promise((resolve) => socket.send(ack, server.port, '127.0.0.1', resolve));
    return Number(response.slice(8, 11));
  } finally {
    socket.close();
  }
}

function ackTo(response: string, uri: string): string {
  const line = (name: string): string => new RegExp(`^${name}:.*$`, 'im').exec(response)?.[0] ?? '';
  const via = response.startsWith('SIP/2.0 2') ? line('Via').replace(/branch=[^;]*/, 'branch=z9hG4bKack') : line('Via');
  const cseq = line('CSeq').replace('INVITE', 'ACK');
  const lines = [`ACK ${uri} SIP/2.0`, via, 'Max-Forwards: 70', line('From'), line('To'), line('Call-ID'), cseq];
  return [...lines, 'Content-Length: 0', '', ''].join('\r\n');
}
