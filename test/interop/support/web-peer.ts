/** A peer as a browser is one, in this process: ICE with checks of its own, keys by DTLS; what came over its wire is kept. */
import { createDgramIo } from '../../../media/net/dgram-udp-port.ts';
import type { UdpIo } from '../../../media/net/udp-port.ts';
import type { Tandem } from '../../../src/tandem.ts';
import { openTandem } from '../../helpers/tandem.ts';

/** One SRTP packet as it came. */
export interface WirePacket {
  /** ms */
  readonly at: number;
  readonly ssrc: number;
  readonly sequence: number;
  readonly bytes: Buffer;
}

export interface WebPeer extends AsyncDisposable {
  readonly tandem: Tandem;
  /** SRTP that came. */
  readonly packets: readonly WirePacket[];
  /** First bytes of what was sent and is no RTP: 0–3 STUN, 20–63 DTLS. */
  readonly asked: readonly number[];
  /** Nothing goes out and nothing comes in while this is true: the network is gone. */
  offline: boolean;
}

export async function openWebPeer(): Promise<WebPeer> {
  const io = createDgramIo();
  const packets: WirePacket[] = [];
  const asked: number[] = [];
  let offline = false;
  const udp: UdpIo = {
    bind: async (address, port, receive) => {
      const socket = await io.bind(address, port, (buffer, offset, length, from) => {
        if (offline) return;
        const first = buffer[offset] ?? 0;
        const type = (buffer[offset + 1] ?? 0) & 0x7f;
        if (first >= 128 && !(type >= 64 && type < 96)) {
          const bytes = Buffer.from(buffer.subarray(offset, offset + length));
          packets.push({
            at: performance.now(),
            ssrc: bytes.readUInt32BE(8),
            sequence: bytes.readUInt16BE(2),
            bytes,
          });
        }
        receive(buffer, offset, length, from);
      });
      return {
        port: socket.port,
        send: (buffer, offset, length, to) => {
          if (offline) return;
          const first = buffer[offset] ?? 0;
          if (first < 128) asked.push(first);
          socket.send(buffer, offset, length, to);
        },
        close: () => socket.close(),
      };
    },
    flush: () => io.flush(),
  };
  const { tandem } = await openTandem((call) => call.reject(480), {
    udp,
    media: { workers: 0, ice: 'full', codecs: ['PCMU', 'telephone-event'] },
  });
  return {
    tandem,
    packets,
    asked,
    get offline() {
      return offline;
    },
    set offline(is) {
      offline = is;
    },
    [Symbol.asyncDispose]: async () => {
      await tandem.close();
      io.close();
    },
  };
}
