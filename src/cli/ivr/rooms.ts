/** Conference rooms, by any name. */
import type { Conference, DialogClientSession, DialogServerSession, Tandem } from '../../index.ts';
import type { Prompts } from './prompts.ts';
import { pickUp, pressed } from './services.ts';

/** Says what it is, and takes the call in until `#`. Who is there hears a beep, and who is alone music. */
export async function joinRoom(
  call: DialogServerSession,
  prompts: Prompts,
  tandem: Tandem,
  name: string,
): Promise<void> {
  await pickUp(call);
  await call.playback().play(prompts.builtin('conference'));
  const conference = tandem.conference(name, { music: prompts.builtin('music') });
  await conference.add(call);
  if (conference.members.length > 1) conference.play(prompts.builtin('beep')).catch(() => {});
  await stayIn(call, conference);
}

/** Until `#`. */
export async function stayIn(call: DialogServerSession | DialogClientSession, conference: Conference): Promise<void> {
  await pressed(call, '#', conference.ended);
  conference.remove(call);
}
