/** A recording as a waveform: play, pause, and go where one clicks. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import { token } from '../shared/theme.ts';
import { duration } from './format.ts';
import { useDrawing } from './use-drawing.ts';
import { WavPeaks } from './wav-peaks.ts';

/** Of the whole file: as many as are ever drawn. */
const buckets = 1_200;

interface WavePlayerProps {
  /** Relative to the page. */
  readonly path: string;
  /** Of the file, when it is kept. */
  readonly name: string;
}

export function WavePlayer({ path, name }: WavePlayerProps) {
  const address = new URL(path, document.baseURI).href;
  const audio = useRef<HTMLAudioElement>(null);
  const [peaks, setPeaks] = useState<readonly Float32Array[]>([]);
  const [known, setKnown] = useState(0);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);

  useEffect(() => {
    const stop = new AbortController();
    void readPeaks(address, stop.signal, (wav) => {
      setPeaks([...wav.peaks]);
      setKnown(wav.durationMs / 1_000);
    }).catch((error: Error) => {
      if (!stop.signal.aborted) setProblem(error.message);
    });
    return () => stop.abort();
  }, [address]);

  useEffect(() => {
    if (!playing) return;
    let asked = 0;
    const follow = (): void => {
      setAt(audio.current?.currentTime ?? 0);
      asked = requestAnimationFrame(follow);
    };
    follow();
    return () => cancelAnimationFrame(asked);
  }, [playing]);

  const element = audio.current;
  const length = known || (element && Number.isFinite(element.duration) ? element.duration : 0);
  const seek = (seconds: number): void => {
    if (audio.current) audio.current.currentTime = seconds;
    setAt(seconds);
  };
  const toggle = (): void => {
    if (audio.current?.paused === false) audio.current.pause();
    else audio.current?.play().catch((error: Error) => setProblem(`It cannot be played: ${error.message}`));
  };
  return (
    <div class="player">
      <button type="button" class="button primary square" aria-label={playing ? 'Pause' : 'Play'} onClick={toggle}>
        <Icon name={playing ? 'pause' : 'play'} />
      </button>
      <div class="player-wave">
        <Waveform peaks={peaks} done={length > 0 ? at / length : 0} />
        <input
          type="range"
          aria-label={`Position in ${name}`}
          aria-valuetext={`${duration(at * 1_000)} of ${duration(length * 1_000)}`}
          min={0}
          max={Math.max(0.1, length)}
          step={0.1}
          value={at}
          onInput={(event) => seek(Number(event.currentTarget.value))}
        />
      </div>
      <span class="num player-time">
        {duration(at * 1_000)} <span class="quiet">/ {duration(length * 1_000)}</span>
      </span>
      <a class="button square" href={address} download={name} aria-label={`Download ${name}`} title="Download">
        <Icon name="download" />
      </a>
      {peaks.length === 2 && (
        <p class="player-legend quiet">
          <i class="key leg-a" /> received <i class="key leg-b" /> sent
        </p>
      )}
      {problem !== undefined && <p class="player-legend quiet">{problem}</p>}
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has written down what is said */}
      <audio
        ref={audio}
        src={address}
        preload="metadata"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => setPlaying(false)}
      />
    </div>
  );
}

/** Tells what is known so far about four times a second, and once more at the end. */
async function readPeaks(address: string, signal: AbortSignal, tell: (wav: WavPeaks) => void): Promise<void> {
  const response = await fetch(address, { signal, credentials: 'same-origin' });
  if (!response.ok || !response.body) throw new Error(`The recording cannot be fetched (${response.status}).`);
  const wav = new WavPeaks(buckets);
  const reader = response.body.getReader();
  let told = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    wav.write(value);
    if (wav.failed !== undefined) {
      await reader.cancel();
      throw new Error(`No picture: ${wav.failed}.`);
    }
    if (performance.now() - told > 250) {
      told = performance.now();
      tell(wav);
    }
  }
  tell(wav);
}

/** One channel mirrored, or two: the first upwards, the second downwards. */
function Waveform({ peaks, done }: { readonly peaks: readonly Float32Array[]; readonly done: number }) {
  const canvas = useDrawing(
    (context, width, height) => {
      const [first, second] = peaks;
      const bars = Math.floor(width / 3);
      const [a, b, rest] = [token('--leg-a'), token('--leg-b'), token('--line-strong')];
      for (let i = 0; i < bars; i += 1) {
        const played = i / bars < done;
        const up = loudest(first, i / bars, (i + 1) / bars);
        const down = second ? loudest(second, i / bars, (i + 1) / bars) : up;
        const half = height / 2;
        context.globalAlpha = played ? 1 : 0.55;
        context.fillStyle = first ? a : rest;
        context.fillRect(i * 3, half - Math.max(0.5, up * (half - 1)), 2, Math.max(0.5, up * (half - 1)));
        context.fillStyle = second ? b : first ? a : rest;
        context.fillRect(i * 3, half, 2, Math.max(0.5, down * (half - 1)));
      }
      context.globalAlpha = 1;
      context.fillStyle = token('--text');
      context.fillRect(Math.min(width - 1, done * width), 0, 1, height);
    },
    [peaks, done],
  );
  return <canvas ref={canvas} class="waveform" aria-hidden="true" />;
}

function loudest(peaks: Float32Array | undefined, from: number, to: number): number {
  if (!peaks) return 0;
  let most = 0;
  const end = Math.max(Math.floor(from * peaks.length) + 1, Math.floor(to * peaks.length));
  for (let i = Math.floor(from * peaks.length); i < end && i < peaks.length; i += 1)
    most = Math.max(most, peaks[i] ?? 0);
  return most;
}
