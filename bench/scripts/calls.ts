/** What the callers of the bench get, by their name in From: echo, music, silence, or a conference. */
import type { DialogServerSession, Tandem } from 'tandem';

const music = new URL('../../prompts/music.wav', import.meta.url);
/** Callers so far, by the size of their rooms. */
const seats = new Map<number, number>();

export default async function calls(call: DialogServerSession, tandem: Tandem): Promise<void> {
  const { fromUser = '' } = call;
  if (fromUser.startsWith('room')) return meet(call, tandem);
  await call.answer();
  if (fromUser.startsWith('play')) await call.playback().play(music, { type: 'audio/wav', loop: true });
  else if (fromUser.startsWith('idle')) await call.ended;
  else await call.echo();
}

/** `room10…` fills rooms of ten, one after the other. */
async function meet(call: DialogServerSession, tandem: Tandem): Promise<void> {
  const size = Number(/\d+/.exec(call.fromUser ?? '')?.[0] ?? 10);
  const seat = seats.get(size) ?? 0;
  seats.set(size, seat + 1);
  await tandem.conference(`${size} ${Math.floor(seat / size)}`).add(call);
  await call.ended;
}
