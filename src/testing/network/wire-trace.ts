/** Writes what is on the wire into the time line: every SIP message, and of RTP what begins and what stops. */
import { digitOf } from '../../../media/dtmf/event.ts';
import { isRtcpType, readRtp, rtpView } from '../../../media/rtp/packet.ts';
import { isKeepAlive } from '../../sip/framing.ts';
import { seconds, type TimeLine } from '../time-line.ts';
import type { Sight } from './network.ts';

/** A stream that is silent for longer has stopped, ms. */
const pauseMs = 100;

interface Stream {
  readonly who: string;
  readonly to: string;
  payloadType: number;
  ssrc: number;
  since: number;
  last: number;
  packets: number;
  lost: number;
  /** Over all packets of this stretch. */
  checksum: number;
  /** Timestamp of the key press that was shown last. */
  press: number | undefined;
}

export class WireTrace {
  readonly #timeLine: TimeLine;
  readonly #nameOf: (address: string) => string;
  readonly #streams = new Map<string, Stream>();
  readonly #view = rtpView();

  /** @param nameOf of the host with an address */
  constructor(timeLine: TimeLine, nameOf: (address: string) => string) {
    this.#timeLine = timeLine;
    this.#nameOf = nameOf;
  }

  see(sight: Sight): void {
    if (sight.traffic === 'sip') this.#message(sight);
    else this.#packet(sight);
  }

  /** The streams that still run have stopped: their sums belong to the time line, too. */
  end(): void {
    for (const stream of this.#streams.values()) this.#stopped(stream);
    this.#streams.clear();
  }

  #message({ at, transport, from, to, bytes, arrivals, noHost }: Sight): void {
    const detail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const [arrival] = arrivals;
    const late = arrival === undefined ? 0 : arrival - at;
    const notes = [
      transport === 'udp' ? '' : transport,
      noHost ? 'no such host' : arrivals.length === 0 ? 'lost' : '',
      arrivals.length > 1 ? 'twice' : '',
      late > 20 ? `${Math.round(late)} ms under way` : '',
    ].filter((note) => note !== '');
    this.#timeLine.add({
      at,
      kind: 'sip',
      who: this.#nameOf(from.address),
      to: this.#nameOf(to.address),
      ...(arrivals.length === 0 ? { arrow: '✗' } : {}),
      text: `${isKeepAlive(bytes) ? 'keep-alive' : summary(detail)}${notes.length > 0 ? `  (${notes.join(', ')})` : ''}`,
      detail,
    });
  }

  #packet({ at, from, to, bytes, arrivals }: Sight): void {
    const second = bytes[1] ?? 0;
    const view = this.#view;
    if (isRtcpType(second) || !readRtp(bytes, 0, bytes.length, view)) return;
    const key = `${from.address} ${from.port} ${to.address} ${to.port}`;
    let stream = this.#streams.get(key);
    const isEvent = view.payloadType >= 96 && view.payloadLength === 4;
    if (
      stream === undefined ||
      at - stream.last > pauseMs ||
      stream.ssrc !== view.ssrc ||
      (!isEvent && stream.payloadType !== view.payloadType)
    ) {
      if (stream) this.#stopped(stream);
      stream = {
        who: this.#nameOf(from.address),
        to: this.#nameOf(to.address),
        payloadType: view.payloadType,
        ssrc: view.ssrc,
        since: at,
        last: at,
        packets: 0,
        lost: 0,
        checksum: 0x811c9dc5,
        press: stream?.press,
      };
      this.#streams.set(key, stream);
      const { who, payloadType } = stream;
      this.#timeLine.add({ at, kind: 'rtp', who, to: stream.to, text: `RTP begins, payload type ${payloadType}` });
    }
    stream.last = at;
    stream.packets++;
    if (arrivals.length === 0) stream.lost++;
    let { checksum } = stream;
    for (let i = 0; i < bytes.length; i++) checksum = Math.imul(checksum ^ (bytes[i] as number), 0x01000193);
    stream.checksum = checksum;
    if (!isEvent || view.timestamp === stream.press) return;
    stream.press = view.timestamp;
    const digit = digitOf(bytes[view.payloadOffset] as number) ?? '?';
    this.#timeLine.add({ at, kind: 'dtmf', who: stream.who, to: stream.to, text: `digit ${digit} (RFC 4733)` });
  }

  #stopped({ who, to, since, last, packets, lost, checksum }: Stream): void {
    const sum = (checksum >>> 0).toString(16).padStart(8, '0');
    const text = `RTP stops after ${seconds(last - since)} s: ${packets} packets, ${lost} lost, checksum ${sum}`;
    this.#timeLine.add({ at: last, kind: 'rtp', who, to, text });
  }
}

/** `INVITE sip:1000@10.0.0.1 #1 SDP`, `180 Ringing #1 INVITE`: what a ladder shows of a message. */
function summary(text: string): string {
  const [line = ''] = text.split('\r\n', 1);
  const start = line.slice(0, 100);
  const cseq = /^CSeq:\s*(\d+)\s+(\S+)/im.exec(text);
  const number = cseq ? ` #${cseq[1]}` : '';
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  const direction = /^a=(sendonly|recvonly|inactive)/m.exec(body)?.[1];
  const sdp = body.startsWith('v=0') ? ` SDP${direction ? ` ${direction}` : ''}` : '';
  if (!start.startsWith('SIP/2.0 ')) return `${start.replace(/ SIP\/2\.0$/, '')}${number}${sdp}`;
  return `${start.slice(8)}${number}${cseq ? ` ${cseq[2]}` : ''}${sdp}`;
}
