/** Calls, registrations and figures for looking at the console without a server: the same for the same seed. */
import type {
  CallDetail,
  CallLeg,
  CallRow,
  FinishedRow,
  LadderMessage,
  MediaPoint,
  RegistrationRow,
  TimelineEvent,
  Totals,
} from '../../src/console/protocol.ts';

/** mulberry32: 0 ≤ x < 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const server = '192.0.2.10';
const codecs = ['PCMU', 'PCMA', 'opus', 'G722', 'PCMA'] as const;
const agents = ['Yealink SIP-T46U 108.86.0.118', 'JsSIP 3.13.8', 'baresip v3.10.1', 'Grandstream GXP2170 1.0.11.79'];
const failures = [
  { cause: 'Busy Here', status: 486 },
  { cause: 'Not Found', status: 404 },
  { cause: 'Request Terminated', status: 487 },
] as const;
const services = ['1000', '1003', '600', '601', 'support', 'sales', '603'];

export class FakeCalls {
  readonly #random: () => number;
  readonly #clock: () => number;
  #next = 1;

  /** @param clock Unix ms. */
  constructor(seed: number, clock: () => number) {
    this.#random = seeded(seed);
    this.#clock = clock;
  }

  get #now(): number {
    return this.#clock();
  }

  /** Of every kind there is: setting up, ringing, talking, held, badly heard, secured, in a conference. */
  call(ageMs?: number): CallRow {
    const n = this.#next++;
    const age = ageMs ?? Math.floor(this.#random() ** 1.6 * 5_400_000);
    const startedAt = this.#now - age;
    const kind = this.#random();
    const state: CallRow['state'] =
      age < 1_500 ? 'unconfirmed' : age < 6_000 || kind < 0.05 ? 'early' : kind < 0.07 ? 'confirmed_na' : 'confirmed';
    const talking = state === 'confirmed' || state === 'confirmed_na';
    const out = this.#random() < 0.3;
    const user = String(5_000 + this.#int(900));
    const far = this.#random() < 0.5 ? `+4930${String(1_000_000 + this.#int(8_999_999))}` : this.#pick(services);
    const from = `sip:${user}@${this.#address()}`;
    const to = `sip:${far}@${far.startsWith('+') ? 'gw1.carrier.example' : 'pbx.example.net'}`;
    const held = talking && this.#random() < 0.06;
    const conference = talking && far === '603' ? 'standup' : undefined;
    const two = conference === undefined && !['1000', '1003', '600', '601'].includes(far);
    const callId = `${Math.floor(this.#random() * 2 ** 48).toString(16)}-${n}@${server}`;
    const leg = (side: CallLeg['side']): CallLeg => ({
      sessionId: `s-${n}-${side === 'caller' ? 'a' : 'b'}`,
      side,
      callId: side === 'caller' ? callId : `b-${callId}`,
      uri: side === 'caller' ? from : to,
      transport: this.#pick(side === 'caller' ? ['udp', 'wss', 'tls', 'udp'] : ['udp', 'tcp', 'tls']),
      codec: talking ? this.#pick(codecs) : undefined,
      secure: this.#pick(['none', 'dtls', 'sdes', 'none']),
      held: held && side === 'callee',
      mos: talking ? this.#mos() : undefined,
    });
    return {
      id: `${1 + this.#int(4_095)}:${1_000 + n}`,
      callId,
      from,
      to,
      state,
      startedAt,
      answeredAt: talking ? startedAt + Math.min(age, 2_000 + this.#int(4_000)) : undefined,
      direction: out ? 'out' : 'in',
      trunk: far.startsWith('+') ? 'carrier-1' : undefined,
      legs: two ? [leg('caller'), leg('callee')] : [leg('caller')],
      bridge: undefined,
      conference,
      recording: talking && this.#random() < 0.12,
      profiles: far.startsWith('+') ? { caller: from, trunk: 'carrier-1' } : { caller: from },
    };
  }

  detail(call: CallRow): CallDetail {
    const ladder: LadderMessage[] = [];
    const events: TimelineEvent[] = [];
    const media: Record<string, MediaPoint[]> = {};
    const [caller, callee] = call.legs;
    const start = call.startedAt;
    const say = (leg: CallLeg, after: number, direction: 'in' | 'out', summary: string, cseq: string, sdp = false) => {
      const remote = leg.side === 'caller' ? '198.51.100.23:5062' : '203.0.113.7:5060';
      ladder.push({
        at: start + after,
        sessionId: leg.sessionId,
        direction,
        transport: leg.transport,
        local: `${server}:5060`,
        remote,
        summary,
        cseq,
        text: sipText(leg, summary, cseq, remote, sdp),
      });
    };
    const event = (after: number, name: string, leg?: CallLeg, detail: TimelineEvent['detail'] = {}): void => {
      events.push({ at: start + after, name, sessionId: leg?.sessionId, detail });
    };
    const answered = call.answeredAt === undefined ? undefined : call.answeredAt - start;
    if (caller) {
      say(caller, 0, 'in', `INVITE ${call.to}`, '1 INVITE', true);
      event(1, 'call:created', caller, { direction: call.direction });
      say(caller, 2, 'out', '100 Trying', '1 INVITE');
      if (callee) {
        say(callee, 14, 'out', `INVITE ${call.to}`, '1 INVITE', true);
        say(callee, 31, 'in', '100 Trying', '1 INVITE');
        if (call.state !== 'unconfirmed') say(callee, 390, 'in', '180 Ringing', '1 INVITE');
      }
      if (call.state !== 'unconfirmed') {
        event(391, 'call:early', caller, { status: 180 });
        say(caller, 392, 'out', '180 Ringing', '1 INVITE');
      }
      if (answered !== undefined) {
        if (callee) {
          say(callee, answered - 8, 'in', '200 OK', '1 INVITE', true);
          say(callee, answered - 6, 'out', `ACK ${call.to}`, '1 ACK');
        }
        say(caller, answered, 'out', '200 OK', '1 INVITE', true);
        event(answered + 1, 'call:answered', caller);
        say(caller, answered + 24, 'in', `ACK sip:${server}`, '1 ACK');
        event(answered + 24, 'call:confirmed', caller);
        event(answered + 60, 'media:started', caller, { codec: caller.codec ?? '' });
        event(answered + 3_100, 'media:dtmf', caller, { digit: '1' });
        if (callee) {
          say(callee, answered + 9_000, 'in', `INVITE sip:${server}`, '2 INVITE', true);
          say(callee, answered + 9_003, 'out', '200 OK', '2 INVITE', true);
          say(callee, answered + 9_030, 'in', `ACK sip:${server}`, '2 ACK');
          event(answered + 9_004, 'call:held', callee, { by: 'remote' });
          say(callee, answered + 21_500, 'in', `INVITE sip:${server}`, '3 INVITE', true);
          say(callee, answered + 21_503, 'out', '200 OK', '3 INVITE', true);
          say(callee, answered + 21_530, 'in', `ACK sip:${server}`, '3 ACK');
          event(answered + 21_504, 'call:resumed', callee, { by: 'remote' });
        }
      }
    }
    for (const leg of call.legs) {
      if (answered === undefined) continue;
      const seconds = Math.min(240, Math.floor((this.#now - call.answeredAt!) / 1_000));
      media[leg.sessionId] = Array.from({ length: seconds }, (_, i) =>
        this.media(this.#now - (seconds - 1 - i) * 1_000, leg),
      );
    }
    const known = ladder.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    return {
      call,
      variables: { menu: 'main', customer: '40721', 'queue.position': '0' },
      flags: { 0: true, bye_on_timeout: true },
      ladder: known,
      events: events.filter(({ at }) => at <= this.#now),
      media,
    };
  }

  media(at: number, leg: CallLeg): MediaPoint {
    const i = Math.floor(at / 1_000);
    const bad = (leg.mos ?? 4.4) < 3.6;
    const loss = Math.max(0, (bad ? 4 : 0.2) + (this.#random() - 0.6) * (bad ? 5 : 0.5));
    const speaks = Math.sin(i / 5 + (leg.side === 'caller' ? 0 : Math.PI)) > -0.1;
    const levels = (on: boolean): number[] =>
      Array.from({ length: 20 }, (_, k) =>
        on && Math.sin(i + k / 2.6) > -0.75 ? Math.round(-8 - this.#random() ** 1.5 * 26) : -96,
      );
    return {
      at,
      loss: Math.round(loss * 100) / 100,
      jitter: Math.round(((bad ? 18 : 2) + this.#random() * (bad ? 22 : 3)) * 10) / 10,
      rtt: 18 + this.#int(14),
      mos: Math.max(1, Math.min(4.5, (leg.mos ?? 4.3) + (this.#random() - 0.5) * 0.2)),
      received: levels(speaks),
      sent: levels(!speaks),
    };
  }

  registrations(count: number): RegistrationRow[] {
    return Array.from({ length: count }, (_, i) => {
      const web = this.#random() < 0.3;
      const source = `${this.#address()}:${5_060 + this.#int(40_000)}`;
      return {
        user: String(5_001 + i),
        contact: web
          ? `sip:${Math.floor(this.#random() * 2 ** 40).toString(36)}@tandem.invalid;transport=ws`
          : `sip:${5_001 + i}@${source}`,
        transport: web ? 'wss' : this.#pick(['udp', 'tcp', 'tls']),
        source,
        userAgent: web ? 'JsSIP 3.13.8' : this.#pick(agents),
        expiresAt: this.#now + 20_000 + this.#int(580_000),
      };
    });
  }

  totals(at: number, active: number): Totals {
    const wave = Math.sin(at / 90_000) * 0.08 + Math.sin(at / 23_000) * 0.04;
    const load = active / 10_000;
    const now = Math.max(0, Math.round(active * (0.92 + wave)));
    return {
      at,
      active: now,
      early: Math.round(now * 0.05),
      processed: active === 0 ? 0 : Math.floor((at % 86_400_000) / 400),
      failed: active === 0 ? 0 : Math.floor((at % 86_400_000) / 30_000),
      registered: Math.min(active, 300),
      callsPerSecond: active === 0 ? 0 : Math.max(0, active / 90 + (this.#random() - 0.5) * Math.sqrt(active / 20)),
      messagesPerSecond: active === 0 ? 0 : Math.round(active / 7 + this.#random() * 4),
      eventLoopDelay: 0.4 + load * 3 + this.#random() * (0.3 + load),
      cpu: Math.min(0.97, 0.012 + load * 0.7 + this.#random() * (0.01 + load * 0.05)),
      mos: active === 0 ? undefined : 4.28 + wave / 2 + (this.#random() - 0.5) * 0.05,
    };
  }

  finished(count: number): FinishedRow[] {
    let endedAt = this.#now - 8_000;
    const rows = Array.from({ length: count }, (_, i): FinishedRow => {
      const { id, callId, from, to } = this.call(60_000);
      endedAt -= 1_000 + this.#int(60_000);
      const failed = this.#random() < 0.2;
      const ms = failed ? 2_000 + this.#int(20_000) : 4_000 + Math.floor(this.#random() ** 2 * 900_000);
      const startedAt = endedAt - ms;
      return {
        id,
        callId,
        from,
        to,
        startedAt,
        answeredAt: failed ? undefined : startedAt + Math.min(ms, 3_100),
        endedAt,
        ...(failed ? this.#pick(failures) : { cause: 'remote BYE', status: undefined }),
        recordings: !failed && i % 4 === 0 ? [{ id: `rec-${i}`, name: `${callId.slice(0, 12)}.wav` }] : [],
      };
    });
    return rows.sort((a, b) => b.startedAt - a.startedAt);
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#int(list.length)]!;
  }

  #address(): string {
    return `198.51.100.${1 + this.#int(250)}`;
  }

  #mos(): number {
    const dice = this.#random();
    const mos =
      dice < 0.04 ? 2.2 + this.#random() : dice < 0.12 ? 3.4 + this.#random() * 0.5 : 4.1 + this.#random() * 0.35;
    return Math.round(mos * 100) / 100;
  }
}

function sipText(leg: CallLeg, summary: string, cseq: string, remote: string, sdp: boolean): string {
  const request = /^[A-Z]+ sip:/.test(summary);
  const body = sdp
    ? [
        'v=0',
        `o=- 3974 1 IN IP4 ${server}`,
        's=-',
        `c=IN IP4 ${server}`,
        't=0 0',
        'm=audio 16384 RTP/AVP 8 0 101',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=ptime:20',
        'a=sendrecv',
        '',
      ].join('\r\n')
    : '';
  return [
    request ? `${summary} SIP/2.0` : `SIP/2.0 ${summary}`,
    `Via: SIP/2.0/${leg.transport.toUpperCase()} ${remote};branch=z9hG4bK-524287-1---d8754z;rport`,
    'Max-Forwards: 70',
    `From: <${leg.side === 'caller' ? leg.uri : 'sip:tandem@pbx.example.net'}>;tag=7f3a9c41`,
    `To: <${leg.side === 'caller' ? 'sip:tandem@pbx.example.net' : leg.uri}>`,
    `Call-ID: ${leg.callId}`,
    `CSeq: ${cseq}`,
    `Contact: <sip:${server}:5060;transport=${leg.transport}>`,
    'User-Agent: Tandem/0.1.0',
    ...(sdp ? ['Content-Type: application/sdp'] : []),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** A WAV file with something like speech in it: 16-bit PCM, stereo, 8 kHz. */
export function fakeRecording(seconds: number, seed: number): Uint8Array<ArrayBuffer> {
  const rate = 8_000;
  const random = seeded(seed);
  const file = new Uint8Array(44 + seconds * rate * 4);
  const view = new DataView(file.buffer);
  const text = (at: number, value: string): void => void new TextEncoder().encodeInto(value, file.subarray(at));
  text(0, 'RIFF');
  view.setUint32(4, file.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 4, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, file.length - 44, true);
  let loud = 0;
  for (let i = 0; i < seconds * rate; i += 1) {
    if (i % 1_200 === 0) loud = random() < 0.75 ? 0.15 + random() * 0.75 : 0.01;
    const sample = Math.sin(i * 0.12) * Math.sin(i * 0.031) * loud * 22_000;
    const turn = Math.sin(i / rate / 2.4) > 0;
    view.setInt16(44 + i * 4, turn ? sample : sample * 0.03, true);
    view.setInt16(46 + i * 4, turn ? sample * 0.03 : sample, true);
  }
  return file;
}
