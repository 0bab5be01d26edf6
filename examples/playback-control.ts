/**
 * Steers music by keys: 1 mutes, 2 pauses, 4 and 6 skip 5 s, 7 and 9 change the volume, # stops.
 *
 *   npx tandem serve examples/playback-control.ts
 */
import type { DialogServerSession } from 'tandem';

const music = new URL('../prompts/music.wav', import.meta.url);

export default async function control(call: DialogServerSession): Promise<void> {
  await call.answer();
  const playback = call.playbackControl();
  playback.loop(true);
  const done = playback.play(music);

  const state = { muted: false, paused: false, volume: 1 };
  const turn = (by: number): void => {
    state.volume = Math.min(4, Math.max(0, state.volume + by));
    playback.volume(state.volume);
  };
  const skip = async (ms: number): Promise<void> => playback.seek(Math.max(0, (await playback.position()) + ms));
  const keys: Record<string, () => void | Promise<void>> = {
    '1': () => {
      state.muted = !state.muted;
      playback.mute(state.muted);
    },
    '2': () => {
      state.paused = !state.paused;
      if (state.paused) playback.pause();
      else playback.resume();
    },
    '4': () => skip(-5_000),
    '6': () => skip(5_000),
    '7': () => turn(-0.25),
    '9': () => turn(0.25),
    '#': () => playback.stop(), // makes play() return
  };
  const steering = (async () => {
    for await (const { digit } of call.dtmf()) await keys[digit]?.();
  })();

  console.log(await done);
  await call.hangup();
  await steering;
}
