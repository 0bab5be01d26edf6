/**
 * A meeting: everybody who calls is asked for a room number of two digits and joins that room. In it `*` mutes and
 * unmutes, `#` leaves. A room that has two people is recorded.
 *
 *   RECORDINGS=/var/lib/meetings npx tandem serve examples/conference.ts
 */
import { join } from 'node:path';
import type { DialogServerSession, Tandem } from 'tandem';

const { RECORDINGS = '.' } = process.env;
const prompt = (name: string): URL => new URL(`../prompts/${name}.wav`, import.meta.url);

export default async function meeting(call: DialogServerSession, tandem: Tandem): Promise<void> {
  await call.answer();
  const { digits: number } = await call.gather({ digits: 2, play: prompt('conference') });
  if (number.length !== 2) return;

  const room = tandem.conference(number, { music: prompt('music'), maxMembers: 20 });
  await room.add(call);
  if (room.members.length === 2) room.record(join(RECORDINGS, `${number}.wav`)); // ends with the room
  if (room.members.length > 1) void room.play(prompt('beep'));

  let muted = false;
  for await (const { digit } of call.dtmf()) {
    if (digit === '#') break;
    if (digit !== '*') continue;
    muted = !muted;
    room.mute(call, muted);
    console.log(`${call.fromUser} is ${muted ? 'muted' : 'heard'} in ${number}`);
  }
  room.remove(call);
  console.log(`${call.fromUser} left ${number}: ${room.members.length} there`);
}
