/** Plays a call that is listened to: 20 ms frames, Int16 mono, as they come over the WebSocket. */
const worklet = new URL('./listen-worklet.js', import.meta.url);

export class Listener {
  readonly #context: AudioContext;
  #node: AudioWorkletNode | undefined;

  /** @param sampleRate of the frames, Hz. */
  constructor(sampleRate: number) {
    this.#context = new AudioContext({ sampleRate, latencyHint: 'interactive' });
  }

  /** @throws where the browser has no AudioWorklet: it needs https, or localhost. */
  async open(): Promise<void> {
    await this.#context.audioWorklet.addModule(worklet);
    this.#node = new AudioWorkletNode(this.#context, 'listen', { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.connect(this.#context.destination);
    await this.#context.resume();
  }

  /** Takes the frame over. */
  play(frame: ArrayBuffer): void {
    if (frame.byteLength % 2 === 0) this.#node?.port.postMessage(frame, [frame]);
  }

  async close(): Promise<void> {
    if (this.#context.state !== 'closed') await this.#context.close();
  }
}
