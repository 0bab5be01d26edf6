/** Microphones and speakers of this machine. */
import { insecureProblem, microphoneProblem, type Problem } from './words.ts';

export class MicrophoneError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, cause?: unknown) {
    super(problem.title, { cause });
    this.problem = problem;
  }
}

export interface MicrophoneChoice {
  readonly microphone: string;
  readonly processing: boolean;
}

/**
 * @param microphone its id; empty: the system's choice
 * @throws MicrophoneError
 */
export async function openMicrophone({ microphone, processing }: MicrophoneChoice): Promise<MediaStream> {
  if (!isSecureContext || !navigator.mediaDevices) throw new MicrophoneError(insecureProblem(location));
  const audio = { echoCancellation: processing, noiseSuppression: processing, autoGainControl: processing };
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: microphone === '' ? audio : { ...audio, deviceId: { exact: microphone } },
    });
  } catch (error) {
    const name = (error as Error).name;
    // The chosen one was unplugged: rather another than none.
    if (microphone !== '' && (name === 'OverconstrainedError' || name === 'NotFoundError'))
      return openMicrophone({ microphone: '', processing });
    throw new MicrophoneError(microphoneProblem(name), error);
  }
}

export interface Devices {
  readonly microphones: readonly MediaDeviceInfo[];
  readonly speakers: readonly MediaDeviceInfo[];
}

/** Their names are told only once a microphone was allowed. */
export async function devices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const named = all.filter(({ deviceId }) => deviceId !== '' && deviceId !== 'default');
  return {
    microphones: named.filter(({ kind }) => kind === 'audioinput'),
    speakers: named.filter(({ kind }) => kind === 'audiooutput'),
  };
}

export function onDevices(listener: () => void): () => void {
  navigator.mediaDevices?.addEventListener('devicechange', listener);
  return () => navigator.mediaDevices?.removeEventListener('devicechange', listener);
}

/** Chromium and its like; elsewhere the system chooses. */
export function canChooseSpeaker(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}
