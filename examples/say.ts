/**
 * Reads out what cannot be recorded before: who calls, and from which number. Speaks with espeak-ng, if it is installed.
 *
 *   npx tandem serve examples/say.ts
 */
import type { DialogServerSession } from 'tandem';

const prompt = (name: string): URL => new URL(`../prompts/${name}.wav`, import.meta.url);

export default async function say(call: DialogServerSession): Promise<void> {
  await call.answer();

  const number = [...(call.fromUser ?? 'unknown')].join(' ');
  try {
    await call.playback().play([prompt('beep'), { say: `You are calling from ${number}.` }]);
    const { digits } = await call.gather({ digits: 1, play: { say: 'Press any key.' } });
    await call.say(digits === '' ? 'You pressed nothing.' : `You pressed ${digits}.`, { language: 'en-GB' });
  } catch (error) {
    if (call.signal.aborted) return;
    console.log(error instanceof Error ? error.message : error);
    await call.playback().play(prompt('not-available'));
  }
}
