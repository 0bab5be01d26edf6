/**
 * Many calls at once from two SIP sockets and two RTP sockets: who calls, and who is called. Written by hand from
 * RFC 3261, with its retransmissions, since the server they talk to is gone now and then.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as delay } from 'node:timers/promises';
import { bound, UdpLink } from '../../helpers/raw-link.ts';
import { first, type Message, parseMessage, rtpPacket } from '../../helpers/raw-phone.ts';

const t1 = 500;
const transactionMs = 64 * t1;
/** Between two packets of one voice. */
const packetMs = 100;

/** How a call ended. */
export type Outcome =
  /** Its caller hung up, got 200, and the callee was told. */
  | 'hung up'
  /** It was never up, and its caller got a final response. */
  | 'refused'
  /** The server ended it by BYE. */
  | 'told'
  /** Nobody answered its caller, or nobody knew it. */
  | 'lost';

/** One side of a call. */
interface End {
  callId: string;
  localTag: string;
  remoteTag: string;
  /** From and To as this side sends them. */
  local: string;
  remote: string;
  target: string;
  /** Where the server's RTP of this side is. */
  rtpPort: number;
  ssrc: number;
  sequence: number;
  heard: number;
  /** BYE from the server. */
  told: boolean;
  /** For its own user: it says nothing more, and knows the call no more. */
  isOver: boolean;
}

export class CrowdCall {
  readonly number: number;
  readonly caller: End;
  callee: End | undefined;
  up = false;
  isHangingUp = false;
  outcome: Outcome | undefined;
  /** Status that its caller got last. */
  status = 0;
  /** What its ends got from the server, for a test that fails. */
  readonly heardSip: string[] = [];

  constructor(number: number, from: string, to: string) {
    this.number = number;
    this.caller = newEnd(`crowd-${number}-${randomBytes(4).toString('hex')}`, from, to, to.slice(1, -1));
  }

  /** Packets that both sides have heard. */
  get heard(): number {
    return Math.min(this.caller.heard, this.callee?.heard ?? 0);
  }
}

export class Crowd {
  readonly calls: CrowdCall[] = [];
  /** What nobody of the crowd should have got. */
  readonly strays: string[] = [];
  /** Callees whose answer nobody took, of calls whose caller was refused. */
  abandoned = 0;
  /** RTP of one call that another heard. */
  readonly crossed: string[] = [];
  readonly #server: number;
  readonly #callers: UdpLink;
  readonly #callees: UdpLink;
  readonly #callersRtp: Socket;
  readonly #calleesRtp: Socket;
  /** By branch, or Call-ID and CSeq of what has none. */
  readonly #awaited = new Map<string, (message: Message) => void>();
  readonly #byCallId = new Map<string, CrowdCall>();
  readonly #byRtp = new Map<number, [call: CrowdCall, end: End]>();
  readonly #voices: NodeJS.Timeout;

  private constructor(server: number, sip: readonly [UdpLink, UdpLink], rtp: readonly [Socket, Socket]) {
    this.#server = server;
    [this.#callers, this.#callees] = sip;
    [this.#callersRtp, this.#calleesRtp] = rtp;
    this.#callers.onMessage = (text) => this.#heard(text, this.#callers);
    this.#callees.onMessage = (text) => this.#heard(text, this.#callees);
    for (const socket of rtp) socket.on('message', (data, from) => this.#heardRtp(data, from.port));
    this.#voices = setInterval(() => this.#speak(), packetMs);
  }

  /** @param callees where they take calls @param server its port; it puts `sip:17@…` through to `sip:17@` the callees */
  static async open(callees: UdpLink, server: number): Promise<Crowd> {
    const rtp = [await bound(createSocket('udp4')), await bound(createSocket('udp4'))] as const;
    return new Crowd(server, [await UdpLink.open(), callees], rtp);
  }

  /** Those that talk at this moment. */
  get talking(): readonly CrowdCall[] {
    return this.calls.filter(({ up, outcome }) => up && !outcome);
  }

  /** Calls; resolves when the call is up, or over. */
  async call(): Promise<CrowdCall> {
    const number = this.calls.length;
    const [from, to] = [`<sip:crowd@127.0.0.1:${this.#callers.port}>`, `<sip:${number}@127.0.0.1:${this.#server}>`];
    const call = new CrowdCall(number, from, to);
    this.calls.push(call);
    this.#byCallId.set(call.caller.callId, call);
    const response = await this.#request(call.caller, this.#callers, 'INVITE', 1, sdpOf(this.#callersRtp));
    call.status = response?.status ?? 0;
    if (!response) call.outcome ??= 'lost';
    else if (response.status >= 300) call.outcome ??= 'refused';
    return call;
  }

  /** Its caller hangs up. */
  async hangup(call: CrowdCall): Promise<void> {
    call.isHangingUp = true;
    const response = await this.#request(call.caller, this.#callers, 'BYE', 2);
    call.caller.isOver = true;
    call.status = response?.status ?? 0;
    if (call.outcome) return;
    const until = performance.now() + transactionMs;
    while (call.callee && !call.callee.told && performance.now() < until) await delay(50);
    // 481 to a copy: its first one had ended the call when the server was killed.
    const isKnown = call.status === 200 || call.status === 481;
    call.outcome ??= isKnown && call.callee?.told ? 'hung up' : 'lost';
  }

  close(): void {
    clearInterval(this.#voices);
    this.#callers.close();
    this.#callees.close();
    this.#callersRtp.close();
    this.#calleesRtp.close();
  }

  // ---- SIP

  /** Sends until there is a final response; a response to INVITE gets its ACK, as often as it comes. */
  async #request(end: End, link: UdpLink, method: string, seq: number, body = ''): Promise<Message | undefined> {
    const branch = `z9hG4bK${randomBytes(8).toString('hex')}`;
    const { promise, resolve } = Promise.withResolvers<Message | undefined>();
    let provisional = false;
    let isAccepted = false;
    this.#awaited.set(branch, (message) => {
      if (message.status < 200) provisional = true;
      // RFC 6026 §7.2: behind a 2xx nothing else is heard, nor acknowledged.
      else if (!isAccepted || message.status < 300) {
        isAccepted = message.status < 300;
        if (method === 'INVITE') this.#acknowledge(end, link, message, branch, seq);
        resolve(message);
      }
    });
    const over = new AbortController();
    void promise.then(() => over.abort());
    const text = this.#write(end, link, method, branch, seq, body);
    const began = performance.now();
    for (let wait = t1; !over.signal.aborted; wait = Math.min(2 * wait, method === 'INVITE' ? wait * 2 : 4000)) {
      if (!(provisional && method === 'INVITE')) link.send(text, this.#server);
      if (performance.now() - began > (provisional && method === 'INVITE' ? 3 : 1) * transactionMs) resolve(undefined);
      await delay(wait, undefined, { signal: over.signal }).catch(() => {});
    }
    return promise;
  }

  #acknowledge(end: End, link: UdpLink, response: Message, branch: string, seq: number): void {
    const call = this.#byCallId.get(end.callId);
    end.remote = first(response, 'to');
    if (response.status >= 300) {
      link.send(this.#write(end, link, 'ACK', branch, seq), this.#server);
      return;
    }
    end.remoteTag = tagIn(end.remote);
    end.target = /<([^>]+)>/.exec(first(response, 'contact'))?.[1] ?? end.target;
    if (call && !call.up) this.#hears(call, end, response);
    if (call) call.up = true;
    link.send(this.#write(end, link, 'ACK', `z9hG4bK${randomBytes(8).toString('hex')}`, seq), this.#server);
  }

  #hears(call: CrowdCall, end: End, { body }: Message): void {
    end.rtpPort = Number(/^m=audio (\d+)/m.exec(body)?.[1] ?? 0);
    this.#byRtp.set(end.rtpPort, [call, end]);
    call.heardSip.push(`${Math.round(performance.now())} RTP from ${end.rtpPort}`);
  }

  #write(end: End, link: UdpLink, method: string, branch: string, seq: number, body = ''): string {
    return [
      `${method} ${end.target} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${link.port};branch=${branch}`,
      'Max-Forwards: 70',
      `From: ${end.local};tag=${end.localTag}`,
      `To: ${end.remote}`,
      `Call-ID: ${end.callId}`,
      `CSeq: ${seq} ${method}`,
      `Contact: <sip:crowd@127.0.0.1:${link.port}>`,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  }

  #heard(text: string, link: UdpLink): void {
    const message = parseMessage(text);
    if (!message) return;
    const [who, at] = [link === this.#callers ? 'caller' : 'callee', Math.round(performance.now())];
    this.#byCallId.get(first(message, 'call-id'))?.heardSip.push(`${at} ${who} ${message.startLine}`);
    if (message.method === '') {
      const branch = /branch=([^;\s]+)/.exec(first(message, 'via'))?.[1] ?? '';
      this.#awaited.get(branch)?.(message);
    } else if (message.method === 'ACK') {
      this.#awaited.get(`ACK ${first(message, 'call-id')}`)?.(message);
    } else if (message.method === 'INVITE' && link === this.#callees && tagIn(first(message, 'to')) === '') {
      void this.#ring(message);
    } else if (message.method === 'CANCEL') {
      this.#respond(link, message, '200 OK');
      this.#awaited.get(`CANCEL ${first(message, 'call-id')}`)?.(message);
    } else {
      this.#inDialog(message, link);
    }
  }

  /** Whatever the server says in a call is said in that call's own dialog. */
  #inDialog(message: Message, link: UdpLink): void {
    const call = this.#byCallId.get(first(message, 'call-id'));
    const end = link === this.#callers ? call?.caller : call?.callee;
    if ((call?.outcome || end?.isOver) && message.method === 'OPTIONS') {
      // The server was killed before it wrote that the call is over.
      this.#respond(link, message, '481 No Such Call');
      return;
    }
    if (
      !call ||
      !end ||
      tagIn(first(message, 'to')) !== end.localTag ||
      tagIn(first(message, 'from')) !== end.remoteTag
    ) {
      this.strays.push(message.text);
      this.#respond(link, message, '481 No Such Call');
      return;
    }
    if (message.method !== 'BYE') this.strays.push(message.text);
    else if (end === call.caller && !call.isHangingUp) call.outcome ??= 'told';
    end.told = true;
    end.isOver = true;
    this.#respond(link, message, '200 OK');
  }

  async #ring(invite: Message): Promise<void> {
    const callId = first(invite, 'call-id');
    const number = Number(/^INVITE sip:(\d+)@/.exec(invite.startLine)?.[1]);
    const call = this.calls[number];
    if (!call) {
      this.strays.push(invite.text);
      return;
    }
    if (this.#byCallId.has(callId)) {
      // A copy: of one that rings, or of one that was taken back.
      this.#awaited.get(`COPY ${callId}`)?.(invite);
      return;
    }
    this.#byCallId.set(callId, call);
    const end = newEnd(callId, first(invite, 'to'), first(invite, 'from'), contactIn(invite));
    end.remoteTag = tagIn(end.remote);
    call.callee = end;
    let said = '180 Ringing';
    const say = (): void =>
      this.#respond(this.#callees, invite, said, end.localTag, said === '200 OK' ? sdpOf(this.#calleesRtp) : '');
    const { promise: acknowledged, resolve } = Promise.withResolvers<void>();
    this.#awaited.set(`COPY ${callId}`, say);
    this.#awaited.set(`ACK ${callId}`, () => resolve());
    this.#awaited.set(`CANCEL ${callId}`, () => {
      if (said !== '180 Ringing') return;
      said = '487 Request Terminated';
      say();
    });
    say();
    await delay(Math.random() * 400);
    if (said !== '180 Ringing') return;
    said = '200 OK';
    this.#hears(call, end, invite);
    let isAcknowledged = false;
    void acknowledged.then(() => {
      isAcknowledged = true;
    });
    const began = performance.now();
    for (let wait = t1; !isAcknowledged && performance.now() - began < transactionMs; wait = Math.min(2 * wait, 4000)) {
      say();
      await Promise.race([acknowledged, delay(wait)]);
    }
    // A process that is killed in the millisecond of its INVITE leaves nothing written of it.
    if (!isAcknowledged && call.outcome === 'refused') this.abandoned++;
    else if (!isAcknowledged) this.strays.push(`no ACK for ${callId}`);
  }

  #respond(link: UdpLink, request: Message, status: string, tag = '', body = ''): void {
    const to = first(request, 'to');
    const lines = [
      `SIP/2.0 ${status}`,
      ...(request.headers.get('via') ?? []).map((via) => `Via: ${via}`),
      `From: ${first(request, 'from')}`,
      `To: ${to}${tag && tagIn(to) === '' ? `;tag=${tag}` : ''}`,
      `Call-ID: ${first(request, 'call-id')}`,
      `CSeq: ${first(request, 'cseq')}`,
      `Contact: <sip:crowd@127.0.0.1:${link.port}>`,
      ...(body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ];
    link.send(lines.join('\r\n'), this.#server);
  }

  // ---- RTP

  #speak(): void {
    for (const { caller, callee, number } of this.talking)
      for (const [end, socket] of [
        [caller, this.#callersRtp],
        [callee, this.#calleesRtp],
      ] as const) {
        if (!end || end.isOver || end.rtpPort === 0) continue;
        const payload = Buffer.alloc(160, 0x55);
        payload.writeUInt32BE(number);
        const { sequence, ssrc } = end;
        socket.send(rtpPacket(0, false, sequence, sequence * 8 * packetMs, ssrc, payload), end.rtpPort, '127.0.0.1');
        end.sequence++;
      }
  }

  #heardRtp(data: Buffer, port: number): void {
    const [call, end] = this.#byRtp.get(port) ?? [];
    // Silence is nobody's.
    if (!call || !end || data[170] !== 0x55) return;
    // A port is another call's when its first one is over.
    const said = data.readUInt32BE(12);
    const at = Math.round(performance.now());
    if (said !== call.number) this.crossed.push(`${at} ${call.number} heard ${said} from port ${port}`);
    else end.heard++;
  }
}

function newEnd(callId: string, local: string, remote: string, target: string): End {
  return {
    ...{ callId, localTag: randomBytes(6).toString('hex'), remoteTag: '', local, remote, target },
    ...{ rtpPort: 0, ssrc: randomBytes(4).readUInt32BE(), sequence: 0, heard: 0, told: false, isOver: false },
  };
}

function sdpOf(rtp: Socket): string {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    ...[`m=audio ${rtp.address().port} RTP/AVP 0`, 'a=rtpmap:0 PCMU/8000', ''],
  ].join('\r\n');
}

function tagIn(value: string): string {
  return /;tag=([^;\s]+)/.exec(value)?.[1] ?? '';
}

function contactIn(message: Message): string {
  return /<([^>]+)>/.exec(first(message, 'contact'))?.[1] ?? '';
}
