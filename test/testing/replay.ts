/** Prints the whole time line of a call over a bad network: run twice with one seed it is the same to the byte. */
import ivr from '../../examples/ivr.ts';
import { Lab } from '../../src/testing/index.ts';

const lab = new Lab({
  seed: process.argv[2] ?? '1',
  sounds: new URL('../../prompts/', import.meta.url),
  network: { delayMs: 20, jitterMs: 15, loss: 0.05, reorder: 0.05, duplicate: 0.02, split: 0.3 },
});
const tandem = await lab.serve(ivr);
const alice = lab.phone('alice');
const bob = lab.phone('bob', { transport: 'tcp' });
bob.onCall = { answerAfterMs: 1500 };

const menu = async (): Promise<void> => {
  await alice.dial('1000');
  await alice.hears('welcome.wav', { loss: 0.3 });
  await alice.press('2');
  await alice.hears('record.wav', { loss: 0.3 });
  await alice.say('goodbye.wav');
  await alice.press('#');
  await alice.hears('goodbye.wav', { loss: 0.5, similarity: 0.8 });
  await alice.hold();
  await alice.hangup();
};
const outgoing = async (): Promise<void> => {
  const call = await tandem.invite(bob.uri);
  await call.playback().play(new URL('../../prompts/music.wav', import.meta.url));
  await call.close();
};
await lab.run(Promise.all([menu(), outgoing()]));
await lab.close();
console.log(lab.timeLine.toString({ full: true }));
