/** 603…699: conference rooms, one per number. */
import type { Conference, DialogClientSession, DialogServerSession, Tandem } from '../../index.ts';
import { type Prompts, pressed, type Service } from './services.ts';

const numbers = /^6(0[3-9]|[1-9]\d)$/;

export function isRoom(number: string): boolean {
  return numbers.test(number);
}

/** Until hang-up, or `#`. */
export const room: Service = async (call, prompts, tandem) => {
  await call.answer();
  await joinRoom(call, prompts, tandem, call.toUser ?? '');
};

/** Says what it is, and takes the call in until `#`. Who is there hears a beep, and who is alone music. */
export async function joinRoom(
  call: DialogServerSession,
  prompts: Prompts,
  tandem: Tandem,
  name: string,
): Promise<void> {
  await call.playback().play(prompts('conference'));
  const conference = tandem.conference(name, { music: prompts('music') });
  await conference.add(call);
  if (conference.members.length > 1) conference.play(prompts('beep')).catch(() => {});
  await stayIn(call, conference);
}

/** Until `#`. */
export async function stayIn(call: DialogServerSession | DialogClientSession, conference: Conference): Promise<void> {
  await pressed(call, '#', conference.ended);
  conference.remove(call);
}
