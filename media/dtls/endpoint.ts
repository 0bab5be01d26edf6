/**
 * One end of DTLS 1.2 (RFC 6347) that agrees on keys for SRTP (RFC 5764) and does nothing else. No I/O and no time of its
 * own: datagrams come in and go out by calls, and whoever owns it calls `tick` when it is due.
 *
 * It owns the state, the flight that was sent last and its timer. Records are read and written by records.ts and
 * outgoing.ts, messages are put together by reassembly.ts, and what they mean is known to the two roles.
 */
import { ConfigError, messageOf, TandemError } from '../../src/base/errors.ts';
import type { Random } from '../../src/base/random.ts';
import type { SrtpParameters, SrtpProfile } from '../srtp/profiles.ts';
import { ByteReader, u8 } from './bytes.ts';
import { ClientHandshake } from './client-handshake.ts';
import { type DtlsSrtpProfile, type Handshake, type HandshakePorts, isDtlsProfile } from './handshake.ts';
import { handshakeTypes } from './messages.ts';
import { type FlightPart, Outgoing } from './outgoing.ts';
import { Reassembly } from './reassembly.ts';
import { contentTypes, type DtlsRecord, type RecordCipher, ReplayWindow, readRecords } from './records.ts';
import { ServerHandshake } from './server-handshake.ts';
import {
  type AlertName,
  alerts,
  DtlsFailure,
  type DtlsFingerprint,
  type DtlsIdentity,
  type DtlsRole,
  type DtlsState,
  type DtlsStats,
} from './types.ts';

export interface DtlsEndpointOptions {
  readonly role: DtlsRole;
  readonly identity: DtlsIdentity;
  /** Of the peer's certificate, from the signalling. One of the strongest hash function has to match (RFC 8122 §5). */
  readonly fingerprints: readonly DtlsFingerprint[];
  /** In the order of preference; those that DTLS has no number for do not count. */
  readonly profiles?: readonly SrtpProfile[];
  readonly random: Random;
  /** ms on the clock that all the other calls count by. */
  readonly clockNow: number;
  /** Bytes of the largest datagram that is sent; 128 at least. */
  readonly mtu?: number;
}

export interface DtlsPorts {
  send(datagram: Uint8Array): void;
  /** The peer is who the signalling says. Called once, behind the last flight. */
  onConnected(keys: SrtpParameters): void;
  /** ERR_DTLS_FINGERPRINT, ERR_DTLS_ALERT (from the peer), ERR_DTLS_TIMEOUT or ERR_DTLS_HANDSHAKE. */
  onFailed(error: TandemError): void;
  /** The peer has ended it. */
  onClosed(): void;
}

/** AES_CM first: this is what media/srtp seals fastest (`npm run bench -- --only srtp`). */
export const defaultProfiles: readonly DtlsSrtpProfile[] = [
  'AES_CM_128_HMAC_SHA1_80',
  'AEAD_AES_128_GCM',
  'AEAD_AES_256_GCM',
  'AES_CM_128_HMAC_SHA1_32',
];
const defaultMtu = 1200;
/** What leaves room for a fragment behind the headers. */
const leastMtu = 128;
/**
 * RFC 6347 §4.2.4.1 says 1 s, or what is known of the path. Behind ICE a path has just answered in far less, a flight that
 * is sent too often is two datagrams, and a caller who waits for a lost one hears silence.
 */
const firstTimeoutMs = 200;
const lastTimeoutMs = 60_000;
const deadlineMs = 30_000;
/** Between two times that a flight is sent, when it is the peer who asks by sending its own again. */
const leastGapMs = 50;
/** Records that came before the keys to read them: a Finished and its copies. */
const maxEarly = 4;
const maxEarlyBytes = 256;

export class DtlsEndpoint {
  readonly #ports: DtlsPorts;
  readonly #role: DtlsRole;
  readonly #handshake: Handshake & { start?(): void };
  readonly #outgoing: Outgoing;
  readonly #reassembly = new Reassembly();
  readonly #window = new ReplayWindow();
  #readCipher: RecordCipher | undefined;
  #early: DtlsRecord[] = [];
  #state: DtlsState = 'new';
  /** Of what is sent beside flights. */
  #writeEpoch: 0 | 1 = 0;
  #flight: readonly FlightPart[] = [];
  #now: number;
  #sentAt = 0;
  #timeout = firstTimeoutMs;
  #resendAt = Infinity;
  #deadline = Infinity;
  #received = 0;
  #ignored = 0;
  #resent = 0;
  /** What a call made, for its end: then the state is whole, whatever the ports do. */
  #datagrams: Uint8Array[] = [];
  #event: (() => void) | undefined;

  /** @throws ConfigError if there is no profile among `profiles` that DTLS knows */
  constructor(options: DtlsEndpointOptions, ports: DtlsPorts) {
    const { role, mtu = defaultMtu } = options;
    const profiles = (options.profiles ?? defaultProfiles).filter(isDtlsProfile);
    if (profiles.length === 0) throw new ConfigError('DTLS-SRTP needs a profile: AES_CM_128 or AEAD_AES');
    this.#ports = ports;
    this.#role = role;
    this.#now = options.clockNow;
    this.#outgoing = new Outgoing(Math.max(leastMtu, mtu));
    const own: HandshakePorts = {
      sendFlight: (parts) => this.#sendFlight(parts),
      setCiphers: (write, read) => {
        this.#outgoing.setCipher(write);
        this.#readCipher = read;
      },
      onConnected: (keys) => this.#connected(keys),
    };
    this.#handshake =
      role === 'client'
        ? new ClientHandshake({ ...options, profiles }, own)
        : new ServerHandshake({ ...options, profiles }, own);
  }

  get state(): DtlsState {
    return this.#state;
  }

  get stats(): DtlsStats {
    return { received: this.#received, ignored: this.#ignored, resent: this.#resent };
  }

  /** Sends the client's first flight; a server waits for it. Does nothing when it was called before. */
  start(now: number): void {
    if (this.#state !== 'new' || this.#role === 'server') return;
    this.#now = now;
    this.#begin();
    this.#guarded(() => this.#handshake.start?.());
    this.#flush();
  }

  /** One datagram of the peer, which stays the caller's. Never throws. */
  datagram(bytes: Uint8Array, now: number): void {
    this.#now = now;
    this.#received++;
    const records = readRecords(bytes);
    if (records.length === 0) this.#ignored++;
    for (const record of records) this.#guarded(() => this.#record(record));
    this.#flush();
  }

  /** To be called behind `start` and `datagram` too. @returns when it is due again, ms; undefined: not of its own accord */
  tick(now: number): number | undefined {
    this.#now = now;
    if (this.#state === 'handshaking') {
      if (now >= this.#deadline) {
        this.#fail(new TandemError('ERR_DTLS_TIMEOUT', `DTLS: no handshake within ${deadlineMs / 1000} s`));
      } else if (now >= this.#resendAt) {
        this.#timeout = Math.min(2 * this.#timeout, lastTimeoutMs);
        this.#resend();
      }
    }
    this.#flush();
    return this.#state === 'handshaking' ? Math.min(this.#resendAt, this.#deadline) : undefined;
  }

  /** Says goodbye, if there is somebody to say it to. Nothing is called any more. Idempotent. */
  close(now: number): void {
    this.#now = now;
    if (this.#state === 'handshaking' || this.#state === 'connected') this.#sendAlert('warning', 'closeNotify');
    if (this.#state !== 'failed') this.#end('closed');
    this.#flush();
  }

  #begin(): void {
    this.#state = 'handshaking';
    this.#deadline = this.#now + deadlineMs;
  }

  #connected(keys: SrtpParameters): void {
    this.#state = 'connected';
    this.#resendAt = Infinity;
    // A server's last flight may be asked for again; that the client's has arrived, its answer shows.
    if (this.#role === 'client') this.#flight = [];
    this.#event = () => this.#ports.onConnected(keys);
  }

  #end(state: 'failed' | 'closed'): void {
    this.#state = state;
    this.#flight = [];
    this.#early = [];
    this.#reassembly.clear();
    this.#resendAt = Infinity;
  }

  #fail(error: TandemError): void {
    this.#end('failed');
    this.#event = () => this.#ports.onFailed(error);
  }

  /** What is wrong with a message ends the handshake, with an alert. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const failure = error instanceof DtlsFailure ? error : new DtlsFailure('internalError', messageOf(error));
      this.#sendAlert('fatal', failure.alert);
      this.#fail(failure);
    }
  }

  #flush(): void {
    const [datagrams, event] = [this.#datagrams, this.#event];
    this.#datagrams = [];
    this.#event = undefined;
    for (const datagram of datagrams) this.#ports.send(datagram);
    event?.();
  }

  // ── What comes ───────────────────────────────────────────────────────────────────────────────

  #record(record: DtlsRecord): void {
    const { type, epoch, sequence, fragment } = record;
    if (this.#state !== 'handshaking' && this.#state !== 'connected' && !this.#waitsForClient) this.#ignored++;
    else if (epoch === 0) {
      // Once there are keys, what comes without them is a copy at best.
      if (this.#state === 'connected') this.#ignored++;
      else this.#content(type, 0, fragment);
    } else if (epoch !== 1) this.#ignored++;
    else if (!this.#readCipher) this.#keepEarly(record);
    else {
      const content = this.#window.isNew(sequence) ? this.#readCipher.open(record) : undefined;
      if (!content) {
        this.#ignored++;
        return;
      }
      this.#window.mark(sequence);
      this.#content(type, 1, content);
    }
  }

  get #waitsForClient(): boolean {
    return this.#state === 'new' && this.#role === 'server';
  }

  /** Datagrams change places: a Finished may come before what gives the keys to read it. */
  #keepEarly(record: DtlsRecord): void {
    const isOne = this.#state === 'handshaking' && record.fragment.length <= maxEarlyBytes;
    if (!isOne || this.#early.length >= maxEarly) {
      this.#ignored++;
      return;
    }
    this.#early.push({ ...record, header: record.header.slice(), fragment: record.fragment.slice() });
  }

  #content(type: number, epoch: 0 | 1, content: Uint8Array): void {
    switch (type) {
      case contentTypes.handshake:
        if (this.#state === 'connected') this.#afterwards(content);
        else this.#messages(content, epoch);
        return;
      case contentTypes.alert:
        this.#alert(content);
        return;
      case contentTypes.changeCipherSpec:
        return; // each record says its epoch
      default:
        this.#ignored++;
    }
  }

  #messages(content: Uint8Array, epoch: 0 | 1): void {
    const reader = new ByteReader(content);
    const fits = (type: number): boolean => (type === handshakeTypes.finished) === (epoch === 1);
    do {
      const use = this.#reassembly.add(reader, fits);
      if (use === 'answered') this.#resendAsked();
      if (use === 'bad') {
        this.#ignored++;
        break;
      }
    } while (reader.left > 0);
    while (this.#state === 'new' || this.#state === 'handshaking') {
      const message = this.#reassembly.take();
      if (!message) return;
      if (this.#state === 'new') this.#begin();
      this.#handshake.message(message);
      if (this.#readCipher) this.#takeEarly();
    }
  }

  #takeEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (const record of early) this.#record(record);
  }

  /** Behind the handshake: a Finished again says that ours was lost; a new handshake there will not be. */
  #afterwards(content: Uint8Array): void {
    const type = content[0];
    if (type === handshakeTypes.finished) this.#resendAsked();
    else if (this.#mayAnswer && (type === handshakeTypes.clientHello || type === handshakeTypes.helloRequest)) {
      this.#sentAt = this.#now;
      this.#sendAlert('warning', 'noRenegotiation');
    } else this.#ignored++;
  }

  #alert(content: Uint8Array): void {
    const [level, description] = content;
    if (content.length !== 2 || this.#state === 'new') {
      this.#ignored++;
      return;
    }
    const isFatal = level === 2;
    if (description === alerts.closeNotify || (isFatal && this.#state === 'connected')) {
      if (!isFatal) this.#sendAlert('warning', 'closeNotify'); // RFC 5246 §7.2.1
      this.#end('closed');
      this.#event = () => this.#ports.onClosed();
    } else if (isFatal) {
      const name = Object.entries(alerts).find(([, code]) => code === description)?.[0] ?? `alert ${description}`;
      this.#fail(new TandemError('ERR_DTLS_ALERT', `DTLS: the peer says ${name}`, { facts: { alert: description } }));
    }
  }

  // ── What goes ────────────────────────────────────────────────────────────────────────────────

  #sendFlight(parts: readonly FlightPart[]): void {
    this.#flight = parts;
    this.#reassembly.answer();
    this.#timeout = firstTimeoutMs;
    if (parts.some(({ kind }) => kind === 'change-cipher-spec')) this.#writeEpoch = 1;
    this.#send();
  }

  #send(): void {
    this.#datagrams.push(...this.#outgoing.flight(this.#flight));
    this.#sentAt = this.#now;
    if (this.#state === 'handshaking') this.#resendAt = this.#now + this.#timeout;
  }

  #resend(): void {
    if (this.#flight.length === 0) return;
    this.#resent++;
    this.#send();
  }

  get #mayAnswer(): boolean {
    return this.#now - this.#sentAt >= leastGapMs;
  }

  /** The peer sends its flight again: it has not got ours. Copies of a datagram and floods ask no more often than that. */
  #resendAsked(): void {
    if (this.#mayAnswer) this.#resend();
  }

  #sendAlert(level: 'warning' | 'fatal', name: AlertName): void {
    const content = u8(level === 'fatal' ? 2 : 1, alerts[name]);
    this.#datagrams.push(this.#outgoing.record(contentTypes.alert, this.#writeEpoch, content));
  }
}
