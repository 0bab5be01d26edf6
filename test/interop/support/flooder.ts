/**
 * Sends `count` datagrams from an address of its own, at 5,000 a second or as fast as it can if that is less, and says
 * how many.
 *
 *   node flooder.ts <kind> <from> <port> <count>
 */
import { createSocket } from 'node:dgram';
import { setTimeout as delay } from 'node:timers/promises';

const perSecond = 5000;
const [kind = '', from = '127.0.0.2', port = '0', count = '0'] = process.argv.slice(2);

function request(method: string, user: string, i: number): string {
  return [
    `${method} sip:${user}@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/UDP ${from}:${socket.address().port};branch=z9hG4bKflood${i};rport`,
    'Max-Forwards: 70',
    `From: <sip:flood@${from}>;tag=${i}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: flood-${i}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:flood@${from}:${socket.address().port}>`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

const kinds: Readonly<Record<string, (i: number) => string>> = {
  junk: (i) => `${i} \xff\xfe is no SIP\r\n\r\n`,
  nobody: (i) => request('INVITE', '4711', i),
  register: (i) => request('REGISTER', 'bob', i),
  echo: (i) => request('INVITE', '600', i),
};

const make = kinds[kind];
if (!make) throw new Error(`no such flood: ${kind}`);

const socket = createSocket('udp4');
socket.on('message', () => {});
await new Promise<void>((resolve) => socket.bind(0, from, resolve));
const start = performance.now();
let sent = 0;
while (sent < Number(count)) {
  const due = Math.min(Number(count), Math.ceil(((performance.now() - start) * perSecond) / 1000));
  for (; sent < due; sent++) socket.send(Buffer.from(make(sent), 'latin1'), Number(port), '127.0.0.1');
  await delay(2);
}
console.log(`sent ${sent} in ${Math.round(performance.now() - start)} ms`);
socket.close();
