/** Plays what comes over the port, in a thread of its own. A file of its own too: the pages allow no inline script. */
class Listen extends AudioWorkletProcessor {
  /** One second at the context's rate: what is more has come too late to be of use. */
  #ring = new Float32Array(sampleRate);
  #read = 0;
  #filled = 0;
  #playing = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#take(new Int16Array(data));
  }

  #take(samples) {
    for (const sample of samples) {
      if (this.#filled === this.#ring.length) {
        this.#read = (this.#read + 1) % this.#ring.length;
        this.#filled -= 1;
      }
      this.#ring[(this.#read + this.#filled) % this.#ring.length] = sample / 32768;
      this.#filled += 1;
    }
    // 100 ms in hand, against a network that is not even.
    if (this.#filled >= sampleRate / 10) this.#playing = true;
  }

  process(_inputs, [[output]]) {
    if (!this.#playing) return true;
    for (let i = 0; i < output.length; i += 1) {
      if (this.#filled === 0) {
        this.#playing = false;
        break;
      }
      output[i] = this.#ring[this.#read];
      this.#read = (this.#read + 1) % this.#ring.length;
      this.#filled -= 1;
    }
    return true;
  }
}

registerProcessor('listen', Listen);
