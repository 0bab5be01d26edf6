/** The coders of one direction of a leg: kept while their codec stays negotiated, so that a re-INVITE is not heard. */
import type { AudioCodec } from './codec.ts';
import { type CodecFormat, codecFor, payloadKey } from './registry.ts';

export class Coders {
  #coders = new Map<string, AudioCodec>();

  /** Those of other codecs are let go. */
  configure(codecs: readonly CodecFormat[]): void {
    const before = this.#coders;
    this.#coders = new Map();
    for (const codec of codecs) {
      const key = payloadKey(codec);
      const coder = this.#coders.get(key) ?? before.get(key) ?? codecFor(codec);
      before.delete(key);
      if (coder) this.#coders.set(key, coder);
    }
    for (const coder of before.values()) coder.close?.();
  }

  /** Undefined for a codec whose payloads are only passed on. */
  of(codec: CodecFormat): AudioCodec | undefined {
    return this.#coders.get(payloadKey(codec));
  }

  close(): void {
    this.configure([]);
  }
}
