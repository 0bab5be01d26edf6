/** What a script may have listened for in a call's audio: speech, tones, and who has answered. */
import {
  type AnalysisConfig,
  defaultMachineSettings,
  type Finding,
  type Heard,
  type MachineEvent,
  type MediaLeg,
  type ToneKind,
  type TonePlanName,
  toneKinds,
  type Verdict,
  type VerdictCause,
} from '../../media/index.ts';
import { TandemError } from '../base/errors.ts';
import { BoundedQueue } from '../base/queue.ts';

export interface VadOptions {
  /** Milliseconds without speech after which it has ended; default 700. */
  readonly silence?: number;
}

export interface SpeechEvent {
  readonly type: 'start' | 'end';
  /** Unix milliseconds: when it began, or ended; that is before it was noticed. */
  readonly at: number;
  /** Milliseconds of speech, at its end. */
  readonly durationMs: number;
}

export interface ToneOptions {
  /** Which tones; default all. */
  readonly kinds?: readonly ToneKind[];
  /** Whose call progress tones; default `etsi`, which most of Europe has. */
  readonly plan?: TonePlanName;
}

export interface HeardTone {
  readonly kind: ToneKind;
  /** Unix milliseconds: when it began; of call progress, its last sound or pause. */
  readonly at: number;
  /** Milliseconds that it sounded, of `beep` and `cng`, which are told when they are over; else 0. */
  readonly durationMs: number;
  /** Hz; of two, the lower one. */
  readonly frequency: number;
}

/** Times in milliseconds. */
export interface MachineOptions {
  /** Silence at first after which it stays `unknown`; default 4000. */
  readonly initialSilence?: number;
  /** A greeting that takes longer is a machine's; default 2000. */
  readonly greeting?: number;
  /** Silence behind a shorter greeting that makes it a person's; default 900. */
  readonly silence?: number;
  /** In all, until it stays `unknown`; default 8000. */
  readonly timeout?: number;
  /** How long to wait for a machine's beep; default 30,000; 0: not at all. */
  readonly beepTimeout?: number;
  /** Silence behind a machine's greeting after which no beep is expected any more; default 6000. */
  readonly beepSilence?: number;
  /** Told at once who it is, before a beep is waited for. */
  readonly onVerdict?: (verdict: Verdict) => void;
  readonly signal?: AbortSignal;
}

export interface MachineResult {
  readonly verdict: Verdict;
  /** What told: how long the greeting was, a beep, a fax tone; silence or time that ran out leave it `unknown`. */
  readonly cause: VerdictCause;
  /** Milliseconds from the beginning of the detection to the verdict. */
  readonly decidedMs: number;
  /** Milliseconds of the greeting. */
  readonly greetingMs: number;
  /** Unix milliseconds when the machine's beep began. It is over when this is told: speak now. */
  readonly beepAt?: number;
}

/** Events that wait for their reader. */
const queueLimit = 256;
/** Milliseconds of silence behind which speech has ended. */
const defaultSilenceMs = 700;

function listen<T>(leg: MediaLeg, config: AnalysisConfig, map: (heard: Heard) => T | undefined): BoundedQueue<T> {
  const queue: BoundedQueue<T> = new BoundedQueue<T>(queueLimit, () => handle.stop());
  const handle = leg.analyse(config, {
    onFound: (heard) => {
      const event = map(heard);
      if (event !== undefined) queue.push(event);
    },
    onOver: () => queue.close(),
  });
  return queue;
}

/** Calls `spoke` when the peer begins to speak. @returns how to forget it */
export function onSpeech(leg: MediaLeg, spoke: () => void): () => void {
  const handle = leg.analyse(
    { kind: 'speech', settings: { silenceMs: defaultSilenceMs } },
    {
      onFound: ({ found }) => {
        if (found.type === 'speech:start') spoke();
      },
      onOver: () => {},
    },
  );
  return () => handle.stop();
}

/** @throws TandemError ERR_ARGUMENT */
export function listenForSpeech(leg: MediaLeg, options: VadOptions): AsyncIterableIterator<SpeechEvent> {
  const silenceMs = milliseconds('vad', 'silence', options.silence ?? defaultSilenceMs, 20);
  return listen(leg, { kind: 'speech', settings: { silenceMs } }, ({ found, at }) => {
    if (found.type !== 'speech:start' && found.type !== 'speech:end') return undefined;
    return { type: found.type === 'speech:start' ? 'start' : 'end', at, durationMs: found.durationMs };
  });
}

/** @throws TandemError ERR_ARGUMENT */
export function listenForTones(leg: MediaLeg, options: ToneOptions): AsyncIterableIterator<HeardTone> {
  const { kinds = toneKinds, plan = 'etsi' } = options;
  for (const kind of kinds)
    if (!toneKinds.includes(kind)) throw new TandemError('ERR_ARGUMENT', `tones: there is no tone ${kind}`);
  if (plan !== 'etsi' && plan !== 'us' && plan !== 'uk')
    throw new TandemError('ERR_ARGUMENT', `tones: there is no plan ${plan}`);
  return listen(leg, { kind: 'tones', kinds, plan }, ({ found, at }) => {
    if (found.type !== 'tone') return undefined;
    const { kind, durationMs, frequency } = found;
    return { kind, at, durationMs, frequency };
  });
}

/** @param stop rejects with its reason. @throws TandemError ERR_ARGUMENT, ERR_MEDIA_CLOSED; the reason of `stop` */
export async function detectMachine(leg: MediaLeg, options: MachineOptions, stop: AbortSignal): Promise<MachineResult> {
  const of = (name: string, value: number | undefined, usual: number): number =>
    milliseconds('detectMachine', name, value ?? usual, 0);
  const usual = defaultMachineSettings;
  const settings = {
    initialSilenceMs: of('initialSilence', options.initialSilence, usual.initialSilenceMs),
    greetingMs: of('greeting', options.greeting, usual.greetingMs),
    silenceMs: of('silence', options.silence, usual.silenceMs),
    decisionMs: of('timeout', options.timeout, usual.decisionMs),
    beepMs: of('beepTimeout', options.beepTimeout, usual.beepMs),
    beepSilenceMs: of('beepSilence', options.beepSilence, usual.beepSilenceMs),
  };
  stop.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<MachineResult>();
  const handle = leg.analyse(
    { kind: 'machine', settings },
    {
      onFound: ({ found, at }) => {
        if (!isMachineEvent(found)) return;
        if (found.type === 'verdict') options.onVerdict?.(found.verdict);
        const waits = found.type === 'verdict' && found.verdict === 'machine' && found.cause !== 'beep';
        if (!waits || settings.beepMs === 0) resolve(resultOf(found, at));
      },
      onOver: () => reject(new TandemError('ERR_MEDIA_CLOSED', 'the audio of the call has ended')),
    },
  );
  const onAbort = (): void => reject(stop.reason);
  stop.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    stop.removeEventListener('abort', onAbort);
    handle.stop();
  }
}

function resultOf({ verdict, cause, decidedMs, greetingMs, beepMs }: MachineEvent, at: number): MachineResult {
  return { verdict, cause, decidedMs, greetingMs, ...(beepMs > 0 ? { beepAt: at } : {}) };
}

function isMachineEvent(found: Finding): found is MachineEvent {
  return found.type === 'verdict' || found.type === 'beep' || found.type === 'over';
}

function milliseconds(method: string, name: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new TandemError('ERR_ARGUMENT', `${method}: ${name} must be ${least} milliseconds or more, not ${value}`);
}
