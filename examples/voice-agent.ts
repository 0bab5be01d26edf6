/**
 * A voice agent: software elsewhere hears the caller and speaks, over a WebSocket in the dialect of Twilio's Media
 * Streams, so that agents written for it connect as they are. Without one, `node examples/parrot-model.ts` is there.
 *
 *   AGENT_URL=ws://127.0.0.1:8765 npx tandem serve examples/voice-agent.ts
 */
import type { DialogServerSession } from 'tandem';

const url = process.env.AGENT_URL ?? 'ws://127.0.0.1:8765';
const sorry = new URL('../prompts/goodbye.wav', import.meta.url);

export default async function voiceAgent(call: DialogServerSession): Promise<void> {
  await call.answer();
  try {
    const stream = await call.stream(url, { parameters: { caller: call.fromUser ?? '' } });
    const { by } = await stream.ended; // the agent has said all, or the caller hung up
    console.log(`the talk of ${call.fromUser} is over: ${by}`);
    if (by !== 'error') return;
  } catch (error) {
    call.signal.throwIfAborted();
    console.log(`no agent: ${error instanceof Error ? error.message : error}`);
  }
  await call.playback().play(sorry);
}
