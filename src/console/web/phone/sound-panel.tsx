import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../shared/icon.tsx';
import { LevelMeter } from './level-meter.tsx';
import { canChooseSpeaker, type Devices, devices, MicrophoneError, onDevices, openMicrophone } from './microphone.ts';
import type { Phone } from './phone.ts';
import { play, soundTo } from './sound.ts';

export function SoundPanel({ phone }: { readonly phone: Phone }) {
  const { sound } = phone;
  const [known, setKnown] = useState<Devices>({ microphones: [], speakers: [] });
  const [tested, setTested] = useState<MediaStream>();
  const inCall = phone.agent.calls.length > 0;
  useEffect(() => {
    const look = (): void => void devices().then(setKnown);
    look();
    return onDevices(look);
  }, [inCall, tested]);
  useEffect(() => () => stop(tested), [tested]);

  const testMicrophone = async (): Promise<void> => {
    if (tested) return setTested(undefined);
    try {
      setTested(await openMicrophone(sound));
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      phone.fail(error.problem);
    }
  };
  const testSpeaker = async (): Promise<void> => {
    await soundTo(sound.speaker);
    play('test');
  };
  return (
    <section class="card side-card" aria-label="Sound">
      <h2>Sound</h2>
      <Choice
        label="Microphone"
        devices={known.microphones}
        value={sound.microphone}
        onChoose={(microphone) => {
          setTested(undefined);
          void phone.choose({ ...sound, microphone });
        }}
      >
        <button
          type="button"
          class="button small"
          aria-pressed={tested !== undefined}
          onClick={() => void testMicrophone()}
        >
          <Icon name="mic" />
          {tested ? 'Stop test' : 'Test microphone'}
        </button>
      </Choice>
      {tested && <LevelMeter label="Speak now" stream={tested} />}
      {canChooseSpeaker() && (
        <Choice
          label="Speaker"
          devices={known.speakers}
          value={sound.speaker}
          onChoose={(speaker) => void phone.choose({ ...sound, speaker })}
        >
          <button type="button" class="button small" onClick={() => void testSpeaker()}>
            <Icon name="volume" />
            Test speaker
          </button>
        </Choice>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={sound.processing}
          onChange={({ currentTarget }) => {
            setTested(undefined);
            void phone.choose({ ...sound, processing: currentTarget.checked });
          }}
        />
        <span>Suppress echo and noise</span>
      </label>
    </section>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly devices: readonly MediaDeviceInfo[];
  readonly value: string;
  readonly onChoose: (deviceId: string) => void;
  readonly children: ComponentChildren;
}

function Choice({ label, devices, value, onChoose, children }: ChoiceProps) {
  const there = devices.some(({ deviceId }) => deviceId === value);
  return (
    <div class="choice">
      <label class="field">
        <span>{label}</span>
        <select
          class="input"
          value={there ? value : ''}
          onChange={({ currentTarget }) => onChoose(currentTarget.value)}
        >
          <option value="">As the system has it</option>
          {devices.map(({ deviceId, label: name }, index) => (
            <option key={deviceId} value={deviceId}>
              {name || `${label} ${index + 1}`}
            </option>
          ))}
        </select>
      </label>
      {children}
    </div>
  );
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
