/**
 * A phone that shares no code with the server: SIP as hand-written text, RTP and SRTP as hand-written bytes. What it
 * says it heard is what was on the wire.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as delay } from 'node:timers/promises';
import { bound, type RawLink, UdpLink } from './raw-link.ts';
import type { RawSrtp } from './raw-srtp.ts';

export interface RtpPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
  /** With SRTP: of 48 bits. */
  readonly index: number | undefined;
  /** Milliseconds, monotonic. */
  readonly at: number;
}

export interface Message {
  readonly startLine: string;
  readonly method: string;
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
  readonly text: string;
}

export interface CallOptions {
  readonly user?: string;
  readonly sdp?: string | null;
  /** Whole header lines. */
  readonly headers?: readonly string[];
}

export interface RawPhoneOptions {
  /** Default: UDP. */
  readonly link?: RawLink;
  readonly srtp?: RawSrtp;
}

/** What the phone does with an INVITE: status lines to send, the last one final. */
export interface AnswerPlan {
  readonly ringMs?: number;
  readonly provisional?: readonly { readonly status: string; readonly sdp?: boolean }[];
  /** `200 OK`, `486 Busy Here`, … or none: keep ringing. */
  readonly final?: string;
  readonly sdp?: (phone: RawPhone, offer: string) => string;
}

export class RawPhone {
  readonly sipPort: number;
  readonly rtpPort: number;
  readonly packets: RtpPacket[] = [];
  /** Every SIP message received, in order. */
  readonly received: Message[] = [];
  plan: AnswerPlan = { final: '200 OK' };
  /** Answer BYEs by itself. */
  answersBye = true;
  /** Answers INVITEs of the call it is in by itself. */
  answersReInvite = false;
  codec: { readonly payloadType: number; readonly name: string } = { payloadType: 0, name: 'PCMU' };
  rtpTarget: { readonly port: number } | undefined;
  /** Packets that did not authenticate. */
  forged = 0;
  readonly #sip: RawLink;
  readonly #rtp: Socket;
  readonly #srtp: RawSrtp | undefined;
  #waiters: { readonly match: (message: Message) => boolean; readonly resolve: (message: Message) => void }[] = [];
  #sequence = 1000;
  #timestamp = 5000;
  readonly ssrc = randomBytes(4).readUInt32BE();
  #dialog:
    | {
        callId: string;
        localTag: string;
        remote: string;
        target: string;
        localUri: string;
        cseq: number;
        peerPort: number;
        toHeader: string;
      }
    | undefined;

  private constructor(sip: RawLink, rtp: Socket, srtp: RawSrtp | undefined) {
    this.#sip = sip;
    this.#rtp = rtp;
    this.#srtp = srtp;
    this.sipPort = sip.port;
    this.rtpPort = rtp.address().port;
    sip.onMessage = (text) => this.#heardSip(text);
    rtp.on('message', (data) => this.#heardRtp(data));
  }

  static async open({ link, srtp }: RawPhoneOptions = {}): Promise<RawPhone> {
    return new RawPhone(link ?? (await UdpLink.open()), await bound(createSocket('udp4')), srtp);
  }

  close(): void {
    this.#sip.close();
    this.#rtp.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** An SDP body of ours. */
  sdp({ payloadType, name } = this.codec, direction = 'sendrecv'): string {
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=audio ${this.rtpPort} RTP/${this.#srtp ? 'SAVP' : 'AVP'} ${payloadType} 101`,
      ...(this.#srtp ? [this.#srtp.crypto] : []),
      `a=rtpmap:${payloadType} ${name}/8000`,
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-16',
      'a=ptime:20',
      `a=${direction}`,
      '',
    ].join('\r\n');
  }

  // ---- as a caller

  /** Sends an INVITE; resolves with its final response, ACKed. */
  async call(port: number, options: CallOptions = {}): Promise<Message> {
    this.invite(port, options);
    return this.final();
  }

  invite(port: number, { user = '1000', sdp = this.sdp(), headers = [] }: CallOptions = {}): void {
    const callId = randomBytes(8).toString('hex');
    const localTag = randomBytes(4).toString('hex');
    const uri = `sip:${user}@127.0.0.1:${port}`;
    const localUri = `sip:raw@127.0.0.1:${this.sipPort}`;
    this.#dialog = {
      callId,
      localTag,
      remote: `<${uri}>`,
      target: uri,
      localUri,
      cseq: 1,
      peerPort: port,
      toHeader: `<${uri}>`,
    };
    this.request('INVITE', { headers, body: sdp ?? '' });
  }

  /** Waits for the final response to the INVITE and ACKs it. */
  async final(): Promise<Message> {
    const response = await this.#finalTo('INVITE');
    this.learn(response);
    this.ack(response);
    return response;
  }

  ack(response: Message): void {
    if (!this.#dialog) throw new Error('no call');
    const non2xx = response.status >= 300;
    const branch = non2xx
      ? (/branch=([^;\s]+)/.exec(first(response, 'via'))?.[1] ?? '')
      : `z9hG4bK${randomBytes(6).toString('hex')}`;
    this.#send('ACK', branch, [], '', first(response, 'cseq').split(' ')[0] ?? '1');
  }

  /** An ACK to a 2xx that carries our answer to its offer. */
  ackWith(response: Message, sdp: string): void {
    this.learn(response);
    this.#send(
      'ACK',
      `z9hG4bK${randomBytes(6).toString('hex')}`,
      [],
      sdp,
      first(response, 'cseq').split(' ')[0] ?? '1',
    );
  }

  /** A request in the dialog (or the INVITE that begins it). */
  request(
    method: string,
    { headers = [], body = '' }: { readonly headers?: readonly string[]; readonly body?: string } = {},
  ): void {
    if (!this.#dialog) throw new Error('no call');
    const seq = method === 'CANCEL' ? this.#dialog.cseq - 1 : this.#dialog.cseq++;
    const branch = method === 'CANCEL' ? this.#inviteBranch : `z9hG4bK${randomBytes(6).toString('hex')}`;
    if (method === 'INVITE') this.#inviteBranch = branch;
    this.#send(method, branch, headers, body, String(seq));
  }

  #inviteBranch = '';

  cancel(): void {
    this.request('CANCEL');
  }

  /** Hangs up and resolves with the response. */
  async bye(): Promise<Message> {
    this.request('BYE');
    return this.#finalTo('BYE');
  }

  /** Of this call: what comes once more of an earlier one is not meant. */
  #finalTo(method: string): Promise<Message> {
    const callId = this.#dialog?.callId;
    return this.next((m) => m.status >= 200 && cseqMethod(m) === method && first(m, 'call-id') === callId);
  }

  // ---- waiting

  /** The first message, past or to come, that fits and was not taken yet. */
  async next(match: (message: Message) => boolean, timeoutMs = 10_000): Promise<Message> {
    const index = this.#inbox.findIndex(match);
    if (index >= 0) return this.#inbox.splice(index, 1)[0] as Message;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const waiter = { match, resolve };
    this.#waiters.push(waiter);
    const timer = setTimeout(() => {
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
      reject(
        new Error(`no such message in ${timeoutMs} ms; heard:\n${this.received.map((m) => m.startLine).join('\n')}`),
      );
    }, timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next request of this method. */
  nextRequest(method: string, timeoutMs?: number): Promise<Message> {
    return this.next((m) => m.method === method, timeoutMs);
  }

  /** The next response of this status. */
  nextResponse(status: number, timeoutMs?: number): Promise<Message> {
    return this.next((m) => m.status === status, timeoutMs);
  }

  /** Resolves when so many RTP packets (of a payload type) were heard. */
  async hears(count: number, payloadType?: number, timeoutMs = 10_000): Promise<readonly RtpPacket[]> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const heard = this.packets.filter((p) => payloadType === undefined || p.payloadType === payloadType);
      if (heard.length >= count) return heard;
      if (performance.now() > until) throw new Error(`heard ${heard.length} of ${count} packets in ${timeoutMs} ms`);
      await delay(5);
    }
  }

  // ---- RTP

  /** Sends payloads, one each 20 ms. */
  async speak(payloads: readonly Uint8Array[], payloadType = this.codec.payloadType): Promise<void> {
    const start = performance.now();
    for (const [index, payload] of payloads.entries()) {
      const wait = start + index * 20 - performance.now();
      if (wait > 0) await delay(wait);
      this.sendRtp(payload, payloadType, index === 0);
    }
  }

  sendRtp(payload: Uint8Array, payloadType = this.codec.payloadType, marker = false, advance = 160): void {
    const packet = rtpPacket(payloadType, marker, this.#sequence++, this.#timestamp, this.ssrc, payload);
    this.sendRaw(this.#srtp?.protect(packet) ?? packet);
    this.#timestamp += advance;
  }

  /** RFC 4733: a key press of 100 ms with three end packets. */
  async press(digit: string, payloadType = 101): Promise<void> {
    const event = '0123456789*#ABCD'.indexOf(digit);
    for (let step = 1; step <= 8; step++) {
      const end = step > 5;
      const duration = Math.min(step, 5) * 160;
      const payload = Buffer.from([event, end ? 0x8a : 0x0a, duration >> 8, duration & 255]);
      const packet = rtpPacket(payloadType, step === 1, this.#sequence++, this.#timestamp, this.ssrc, payload);
      this.sendRaw(this.#srtp?.protect(packet) ?? packet);
      if (!end) await delay(20);
    }
    this.#timestamp += 5 * 160;
  }

  sendRaw(bytes: Uint8Array): void {
    if (!this.rtpTarget) throw new Error('no RTP target yet');
    this.#rtp.send(bytes, this.rtpTarget.port, '127.0.0.1');
  }

  // ---- inside

  readonly #inbox: Message[] = [];

  #send(method: string, branch: string, headers: readonly string[], body: string, seq: string): void {
    const dialog = this.#dialog;
    if (!dialog) throw new Error('no call');
    const uri =
      method === 'CANCEL' || (method === 'INVITE' && !dialog.remote.includes('tag='))
        ? `${/<(.*)>/.exec(dialog.toHeader)?.[1]}`
        : dialog.target;
    const to = method === 'CANCEL' ? dialog.toHeader : dialog.remote;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/${this.#sip.protocol} 127.0.0.1:${this.sipPort};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: <${dialog.localUri}>;tag=${dialog.localTag}`,
      `To: ${to}`,
      `Call-ID: ${dialog.callId}`,
      `CSeq: ${seq} ${method}`,
      `Contact: <sip:raw@127.0.0.1:${this.sipPort}${this.#sip.params}>`,
      ...headers,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
      '',
      body,
    ];
    this.#sip.send(lines.join('\r\n'), dialog.peerPort);
  }

  /** Takes the dialog from a response: for requests before `final`. */
  learn(response: Message): void {
    const dialog = this.#dialog;
    if (!dialog) return;
    dialog.remote = first(response, 'to');
    const contact = /<([^>]+)>/.exec(first(response, 'contact'))?.[1];
    if (contact) dialog.target = contact;
    this.learnRtp(response);
  }

  /** Takes the peer's RTP port from the message's SDP. */
  learnRtp(message: Message): void {
    const port = /^m=audio (\d+)/m.exec(message.body)?.[1];
    if (port && port !== '0') this.rtpTarget = { port: Number(port) };
    this.#srtp?.learn(message.body);
  }

  respond(
    request: Message,
    status: string,
    { sdp, headers = [] }: { readonly sdp?: string; readonly headers?: readonly string[] } = {},
  ): void {
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(first(request, 'via'))?.[1]);
    const to = first(request, 'to');
    const tag = to.includes('tag=') || status.startsWith('100') ? '' : `;tag=${this.#uasTag}`;
    const lines = [
      `SIP/2.0 ${status}`,
      ...(request.headers.get('via') ?? []).map((via) => `Via: ${via}`),
      ...(request.headers.get('record-route') ?? []).map((route) => `Record-Route: ${route}`),
      `From: ${first(request, 'from')}`,
      `To: ${to}${tag}`,
      `Call-ID: ${first(request, 'call-id')}`,
      `CSeq: ${first(request, 'cseq')}`,
      `Contact: <sip:raw@127.0.0.1:${this.sipPort}${this.#sip.params}>`,
      ...headers,
      ...(sdp ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${sdp?.length ?? 0}`,
      '',
      sdp ?? '',
    ];
    this.#sip.send(lines.join('\r\n'), port);
  }

  readonly #uasTag = randomBytes(4).toString('hex');

  async #answer(invite: Message): Promise<void> {
    const { provisional = [], final, ringMs = 0 } = this.plan;
    const sdp = this.plan.sdp?.(this, invite.body) ?? this.sdp();
    this.learnRtp(invite);
    this.#dialog = {
      callId: first(invite, 'call-id'),
      localTag: this.#uasTag,
      remote: first(invite, 'from'),
      toHeader: first(invite, 'from'),
      target: /<([^>]+)>/.exec(first(invite, 'contact'))?.[1] ?? '',
      localUri: /<([^>]+)>/.exec(first(invite, 'to'))?.[1] ?? '',
      cseq: 1,
      peerPort: Number(/127\.0\.0\.1:(\d+)/.exec(first(invite, 'via'))?.[1]),
    };
    for (const { status, sdp: withSdp } of provisional) this.respond(invite, status, withSdp ? { sdp } : {});
    if (ringMs > 0) await delay(ringMs);
    if (!final || this.#cancelled) return;
    this.respond(invite, final, final.startsWith('2') ? { sdp } : {});
  }

  #cancelled = false;
  #invite: Message | undefined;

  #heardSip(text: string): void {
    const message = parseMessage(text);
    if (!message) return;
    this.received.push(message);
    if (message.method === 'INVITE' && !first(message, 'to').includes('tag=')) {
      this.#invite = message;
      void this.#answer(message);
    } else if (message.method === 'INVITE' && this.answersReInvite) {
      this.respond(message, '200 OK', { sdp: this.sdp() });
    } else if (message.method === 'BYE' && this.answersBye) {
      this.respond(message, '200 OK');
    } else if (message.method === 'CANCEL') {
      this.#cancelled = true;
      this.respond(message, '200 OK');
      if (this.#invite) this.respond(this.#invite, '487 Request Terminated');
    }
    const waiter = this.#waiters.find(({ match }) => match(message));
    if (waiter) {
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
      waiter.resolve(message);
    } else {
      this.#inbox.push(message);
    }
  }

  #heardRtp(data: Buffer): void {
    const at = performance.now();
    const opened = this.#srtp ? this.#srtp.open(data) : { packet: data, index: undefined };
    if (!opened) this.forged++;
    if (!opened || data.length < 12) return;
    const { packet, index } = opened;
    this.packets.push({
      payloadType: packet.readUInt8(1) & 0x7f,
      marker: (packet.readUInt8(1) & 0x80) !== 0,
      sequence: packet.readUInt16BE(2),
      timestamp: packet.readUInt32BE(4),
      ssrc: packet.readUInt32BE(8),
      payload: packet.subarray(12),
      index,
      at,
    });
  }
}

export function first(message: Message, name: string): string {
  return message.headers.get(name.toLowerCase())?.[0] ?? '';
}

function cseqMethod(message: Message): string {
  return first(message, 'cseq').split(' ')[1] ?? '';
}

export function parseMessage(text: string): Message | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const isResponse = startLine.startsWith('SIP/2.0 ');
  return {
    startLine,
    text,
    headers,
    method: isResponse ? '' : (startLine.split(' ')[0] ?? ''),
    status: isResponse ? Number(startLine.split(' ')[1]) : 0,
    body: text.slice(end + 4),
  };
}

export function rtpPacket(
  payloadType: number,
  marker: boolean,
  sequence: number,
  timestamp: number,
  ssrc: number,
  payload: Uint8Array,
): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80, 0);
  header.writeUInt8((marker ? 0x80 : 0) | payloadType, 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc >>> 0, 8);
  return Buffer.concat([header, payload]);
}
