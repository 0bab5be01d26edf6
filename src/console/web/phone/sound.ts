/** Tones made here, so that no file is needed: ringing, ringback, keys, a test. And levels of what is heard. */

/** Hz, and gain of each. Two tones that beat, as a bell does. */
const ring = { tones: [587, 740], on: 0.4, off: 0.2, times: 2, every: 3 };
/** ITU-T E.182: 425 Hz, 1 s on, 4 s off. */
const ringback = { tones: [425], on: 1, off: 0, times: 1, every: 5 };
const test = { tones: [440, 554, 659], on: 0.9, off: 0, times: 1, every: Number.POSITIVE_INFINITY };

export type ToneName = 'ring' | 'ringback' | 'test';
const patterns = { ring, ringback, test } as const;

let context: AudioContext | undefined;

/** Browsers let a page make sounds only after a click: call this in one. */
export function wakeSound(): AudioContext {
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume().catch(() => {});
  return context;
}

/** All tones go there. */
export async function soundTo(speaker: string): Promise<void> {
  const chosen = wakeSound() as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  await chosen.setSinkId?.(speaker).catch(() => {});
}

/** @returns how to stop it; a test stops by itself. */
export function play(name: ToneName): () => void {
  const { tones, on, off, times, every } = patterns[name];
  const audio = wakeSound();
  const gain = audio.createGain();
  gain.gain.value = 0;
  gain.connect(audio.destination);
  const oscillators = tones.map((frequency) => {
    const oscillator = audio.createOscillator();
    oscillator.frequency.value = frequency;
    oscillator.connect(gain);
    oscillator.start();
    return oscillator;
  });
  const once = (): void => {
    const now = audio.currentTime;
    for (let i = 0; i < times; i++) {
      const at = now + i * (on + off);
      // Edges that are not steep do not click.
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
      gain.gain.setValueAtTime(0.12, at + on - 0.03);
      gain.gain.linearRampToValueAtTime(0, at + on);
    }
  };
  once();
  const timer = Number.isFinite(every) ? setInterval(once, every * 1000) : undefined;
  const ending = timer === undefined ? setTimeout(() => stop(), 1000 * times * (on + off)) : undefined;
  const stop = (): void => {
    clearInterval(timer);
    clearTimeout(ending);
    for (const oscillator of oscillators) oscillator.stop();
    gain.disconnect();
  };
  return stop;
}

/** Calls back with the peak of the last 100 ms, dBFS; -96 is silence. @returns how to end it. */
export function watchLevel(stream: MediaStream, listener: (dbfs: number) => void): () => void {
  const audio = wakeSound();
  const source = audio.createMediaStreamSource(stream);
  const analyser = audio.createAnalyser();
  analyser.fftSize = 4096;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let peak = 0;
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    listener(peak < 1e-4 ? -96 : 20 * Math.log10(peak));
  }, 100);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}
