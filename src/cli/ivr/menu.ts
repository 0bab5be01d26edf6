/** 1000: the menu. 1 message, 2 record, 3 echo, 4 conference, # hangs up. */
import type { DialogServerSession } from '../../index.ts';
import { joinRoom } from './rooms.ts';
import { type Prompts, pressed, type Service, takeAndPlayBack } from './services.ts';

const inputTimeoutMs = 5000;
/** Input that is missing or wrong is asked for again twice, then it is goodbye. */
const attempts = 3;

const choices: Readonly<Record<string, Service>> = {
  1: async (call, prompts) => {
    await call.playback().play(prompts('message'));
  },
  2: async (call, prompts) => {
    await call.playback().play(prompts('record'));
    await takeAndPlayBack(call, prompts);
  },
  3: echoUntilHash,
  4: (call, prompts, tandem) => joinRoom(call, prompts, tandem, menuRoom),
};

/** The room behind key 4. */
const menuRoom = '603';

export const menu: Service = async (call, prompts, tandem) => {
  await call.answer();
  let failures = 0;
  let hint: 'no-input' | 'wrong-input' | undefined;
  while (failures < attempts) {
    if (hint) await call.playback().play(prompts(hint));
    const { digits, end } = await call.gather({ digits: 1, play: prompts('welcome'), timeout: inputTimeoutMs });
    if (end === 'terminator') break;
    const choice = Object.hasOwn(choices, digits) ? choices[digits] : undefined;
    if (choice) {
      await choice(call, prompts, tandem);
      failures = 0;
      hint = undefined;
    } else {
      failures++;
      hint = end === 'timeout' ? 'no-input' : 'wrong-input';
    }
  }
  await call.playback().play(prompts('goodbye'));
};

/** `#` leads back to the menu. */
async function echoUntilHash(call: DialogServerSession, prompts: Prompts): Promise<void> {
  await call.playback().play(prompts('echo'));
  const over = new AbortController();
  const echoing = call.echo({ signal: over.signal });
  await pressed(call, '#');
  over.abort();
  await echoing;
}
