/** What the fuzz starts from: messages as they should be, and torture. One character per byte. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Corpus {
  readonly messages: readonly string[];
  readonly bodies: readonly string[];
  readonly uris: readonly string[];
  readonly addresses: readonly string[];
  readonly vias: readonly string[];
  readonly challenges: readonly string[];
  readonly credentials: readonly string[];
}

const sdp = (...lines: string[]): string =>
  ['v=0', 'o=- 3903 3904 IN IP4 10.0.0.2', 's=-', 'c=IN IP4 10.0.0.2', 't=0 0', ...lines]
    .map((line) => `${line}\r\n`)
    .join('');

const bodies = [
  sdp('m=audio 4000 RTP/AVP 0 8 101', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16', 'a=ptime:20'),
  sdp('m=audio 4000 RTP/AVP 8', 'a=sendonly', 'a=rtcp:4001', 'm=video 0 RTP/AVP 31', 'm=audio 9 RTP/SAVP 0'),
  sdp(
    'm=audio 4000 RTP/SAVP 0',
    'a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AAAA|2^20|1:4 UNENCRYPTED_SRTCP',
    'a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4;inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|2:4 WSH=128',
  ),
  sdp('m=audio 0 RTP/AVP 0', 'm=image 5000 udptl t38', 'a=T38FaxVersion:0'),
  'v=0\r\no=- 1 1 IN IP6 2001:db8::2\r\ns=x\r\nc=IN IP6 2001:db8::2/127\r\nb=AS:84\r\nt=0 0\r\na=inactive\r\nm=audio 4002/2 RTP/AVP 0 9 96 97\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;maxptime=60\r\na=rtpmap:97 L16/16000\r\n',
  sdp(
    'a=group:BUNDLE 0',
    'a=ice-lite',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 0',
    'a=mid:0',
    'a=rtpmap:111 opus/48000/2',
    'a=setup:actpass',
    'a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:5D:49:6B:19:E5:7C:AB:3E:5D:49:6B',
    'a=candidate:1 1 udp 2130706431 10.0.0.2 4000 typ host',
    'a=rtcp-mux',
  ),
];

const uris = [
  'sip:1000@10.0.0.1:5060;transport=tcp;lr',
  'sip:alice:secret@example.com?subject=a%20b&to=x',
  'sips:%61lice;par=u%40example.net@[2001:db8::1]:5061;maddr=239.0.0.1;ttl=255',
  'tel:+1-201-555-0123;phone-context=example.com;isub=1',
  'sip:a.b.invalid;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6;ob',
  'SIP:user@HOST.example.COM;method=REGISTER;user=phone',
  'urn:service:sos',
];

const addresses = [
  '"A \\"quoted\\" name" <sip:a@10.0.0.2:5070;transport=udp>;q=0.7;expires=60',
  'sip:b@10.0.0.3;tag=88sja8x',
  'Bob Token <sip:bob@10.0.0.2>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1',
  '<sip:p1.example.com;lr>, <sip:p2.example.com;lr>;x="a,b;c", "x" <tel:+1>',
  '\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd <sip:ivan@example.com>',
  '*',
];

const vias = [
  'SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bK776asdhds',
  'SIP / 2.0 / TCP [2001:db8::9:1] : 5060 ; branch = z9hG4bK9ikj8 ; received=192.0.2.1',
  'SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK+a/b=c|d;alias, SIP/2.0/UDP first.example.com;ttl=16;maddr=224.2.0.1',
];

const challenges = [
  'Digest realm="example.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc", algorithm=MD5, qop="auth,auth-int"',
  'Digest realm="a \\"b\\"", nonce="n", stale=TRUE, algorithm=SHA-256, qop=auth, Basic realm="x", Digest realm="c", nonce="m"',
  'Digest realm=token,nonce=token,algorithm=MD5-sess,charset=UTF-8,userhash=false',
];

const credentials = [
  'Digest username="bob", realm="tandem", nonce="00000001000a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", uri="sip:10.0.0.1", response="6629fae49393a05397450978507c4ef1", cnonce="0a4f113b", qop=auth, nc=00000001, algorithm=MD5, opaque="5ccc"',
  'Digest username="x\\"y", realm="tandem", nonce="", uri="sip:a@b", response="0", algorithm=SHA-256, qop=auth-int, nc=FFFFFFFF, cnonce=""',
  'NoOneKnowsThisScheme opaque-data=here',
];

interface Spec {
  readonly method: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly type?: string;
}

const specs: readonly Spec[] = [
  {
    method: 'INVITE',
    body: bodies[0] ?? '',
    headers: ['Supported: 100rel, timer', 'Session-Expires: 1800', 'k: path'],
  },
  {
    method: 'INVITE',
    body: bodies[4] ?? '',
    headers: ['Record-Route: <sip:p1;lr>, <sip:p2;lr>', 'Identity: eyJh.eyJ.x'],
  },
  { method: 'INVITE', headers: ['Replaces: a@b;to-tag=1;from-tag=2', 'Accept: application/sdp', 'Require: foo'] },
  { method: 'ACK' },
  { method: 'BYE', headers: ['Reason: Q.850;cause=16;text="x"'] },
  { method: 'CANCEL', headers: ['Reason: SIP;cause=200;text="Call completed elsewhere"'] },
  { method: 'OPTIONS', headers: ['Accept: application/sdp, text/plain', 'Timestamp: 54.2 1'] },
  { method: 'REGISTER', headers: ['Expires: 300', 'Path: <sip:p;lr>', 'Supported: outbound, gruu, path'] },
  { method: 'REGISTER', headers: [`Authorization: ${credentials[0]}`, 'Expires: 0'] },
  { method: 'INFO', body: 'Signal=5\r\nDuration=160\r\n', type: 'application/dtmf-relay' },
  { method: 'MESSAGE', body: 'hello', type: 'text/plain;charset=UTF-8' },
  { method: 'SUBSCRIBE', headers: ['Event: dialog;id=1', 'Expires: 600'] },
  {
    method: 'NOTIFY',
    headers: ['Event: refer', 'Subscription-State: active;expires=60'],
    body: 'SIP/2.0 100 Trying\r\n',
    type: 'message/sipfrag',
  },
  { method: 'REFER', headers: ['Refer-To: <sip:c@h?Replaces=a%40b%3Bto-tag%3D1>', 'Referred-By: <sip:d@h>'] },
  { method: 'UPDATE', body: bodies[1] ?? '', headers: ['Min-SE: 90'] },
  { method: 'PRACK', headers: ['RAck: 776656 1 INVITE'] },
  {
    method: 'PUBLISH',
    headers: ['SIP-If-Match: dx200xyz', 'Event: presence'],
    body: '<presence/>',
    type: 'application/pidf+xml',
  },
];

const start = (method: string): string => `${method} sip:1000@10.0.0.1:5060 SIP/2.0`;

function written(
  first: string,
  { method, headers = [], body = '', type = 'application/sdp' }: Spec,
  index: number,
): string {
  const toTag = ['BYE', 'INFO', 'UPDATE', 'PRACK', 'NOTIFY'].includes(method) ? ';tag=t' : '';
  return [
    first,
    `Via: SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bKcorpus${index}`,
    'Max-Forwards: 70',
    `From: "Phone" <sip:phone@10.0.0.2>;tag=from${index}`,
    `To: <sip:1000@10.0.0.1>${toTag}`,
    `Call-ID: corpus-${index}@10.0.0.2`,
    `CSeq: ${index + 1} ${method}`,
    'Contact: <sip:phone@10.0.0.2:5070>',
    ...headers,
    ...(body === '' ? [] : [`Content-Type: ${type}`]),
    'User-Agent: Fuzz',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** The same each time. */
export function readCorpus(): Corpus {
  const torture = ['4475', '5118'].flatMap((rfc) => {
    const folder = new URL(`../rfc/${rfc}/`, import.meta.url);
    return readdirSync(folder)
      .sort()
      .map((file) => readFileSync(new URL(file, folder), 'latin1'));
  });
  const requests = specs.map((spec, index) => written(start(spec.method), spec, index));
  const responses = [
    ['100 Trying', {}],
    ['183 Session Progress', { headers: ['RSeq: 1', 'Require: 100rel'], body: bodies[0] }],
    ['200 OK', { body: bodies[0], headers: ['Record-Route: <sip:p1;lr>'] }],
    ['302 Moved Temporarily', {}],
    ['401 Unauthorized', { headers: challenges.map((value) => `WWW-Authenticate: ${value}`) }],
    ['407 Proxy Authentication Required', { headers: [`Proxy-Authenticate: ${challenges[0]}`] }],
    ['503 Service Unavailable', { headers: ['Retry-After: 120 (busy);duration=60'] }],
  ] as const;
  const answers = responses.map(([status, spec], index) =>
    written(`SIP/2.0 ${status}`, { method: 'INVITE', ...spec } as Spec, 100 + index),
  );
  return {
    messages: [...torture, ...requests, ...answers, '\r\n\r\n', '\r\n', '\0\0\0\0'],
    bodies,
    uris,
    addresses,
    vias,
    challenges,
    credentials,
  };
}
