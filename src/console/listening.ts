/** Somebody listens in: both directions of one leg, mixed, in frames of 20 ms, for as long as it is there. */
import { Writable } from 'node:stream';
import type { MediaLeg, RecordingHandle } from '../../media/index.ts';

export const listenRate = 8_000;
const frameBytes = (2 * listenRate) / 50;

export interface ListeningDeps {
  readonly leg: MediaLeg;
  /** One frame, Int16 little-endian; the bytes are the receiver's. */
  readonly send: (frame: Uint8Array) => void;
  /** The leg is gone, or nothing more can be heard. */
  readonly onOver: () => void;
}

export class Listening {
  readonly #recording: RecordingHandle;

  /** @throws TandemError when the leg is gone */
  constructor({ leg, send, onOver }: ListeningDeps) {
    const frames = new FrameCutter(send);
    // A recording hears what is played as well, and of each bridge the other side.
    this.#recording = leg.record(
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          frames.take(chunk);
          done();
        },
      }),
      { type: 'audio/wav', channels: 1, direction: 'both', sampleRate: listenRate },
    );
    this.#recording.done.then(onOver, onOver);
  }

  /** Idempotent. */
  close(): void {
    this.#recording.close().catch(() => {});
  }
}

/** Takes the header off a WAV stream, and cuts what follows. */
export class FrameCutter {
  readonly #send: (frame: Uint8Array) => void;
  #rest: Buffer = Buffer.alloc(0);
  #isBehindHeader = false;

  constructor(send: (frame: Uint8Array) => void) {
    this.#send = send;
  }

  take(chunk: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#isBehindHeader) {
      const data = this.#rest.indexOf('data', 12, 'latin1');
      if (data < 0 || this.#rest.length < data + 8) return;
      this.#isBehindHeader = true;
      this.#rest = this.#rest.subarray(data + 8);
    }
    let at = 0;
    for (; at + frameBytes <= this.#rest.length; at += frameBytes)
      this.#send(new Uint8Array(this.#rest.subarray(at, at + frameBytes)));
    this.#rest = this.#rest.subarray(at);
  }
}
