/**
 * What one master key does to packets. A cipher knows bytes and indices; who may use which index, and
 * how often, is for `sender.ts` and `receiver.ts`.
 *
 *     RTP,  AES-CM   | header | encrypted payload | MKI | tag |
 *     RTP,  GCM      | header | encrypted payload | tag | MKI |
 *     RTCP, AES-CM   | 8 bytes | encrypted rest | E, index | MKI | tag |
 *     RTCP, GCM      | 8 bytes | encrypted rest | tag | E, index | MKI |
 */
/** The first 8 bytes of RTCP stay readable, as the header of RTP does. */
export const rtcpHeaderBytes = 8;
/** The bit before the index of RTCP that says "encrypted". */
export const encryptedFlag = 0x80000000;

export interface SrtpCipher {
  /**
   * @param header bytes that stay readable
   * @returns a buffer of its own that begins with the packet: as long as before, tag and MKI
   */
  sealRtp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
    ssrc: number,
    roc: number,
    sequence: number,
    mki: Uint8Array,
  ): Uint8Array;
  /** Decrypts in place. @returns length of the packet; 0, and nothing has changed, when the tag is wrong */
  openRtp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    header: number,
    ssrc: number,
    roc: number,
    sequence: number,
    mkiBytes: number,
  ): number;
  /** @returns a buffer of its own that begins with the packet: as long as before, 4 bytes of index, tag and MKI */
  sealRtcp(
    buffer: Uint8Array,
    offset: number,
    length: number,
    ssrc: number,
    index: number,
    mki: Uint8Array,
  ): Uint8Array;
  /** Decrypts in place, as `openRtp`. */
  openRtcp(buffer: Uint8Array, offset: number, length: number, ssrc: number, index: number, mkiBytes: number): number;
}
