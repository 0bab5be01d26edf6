/**
 * Records a call while the caller hears himself: left is what came in, right what went out.
 *
 *   npx tandem serve examples/record.ts      # writes recording.wav
 *   RECORDING=recording.opus npx tandem serve examples/record.ts    # a tenth as large
 */
import { copy, type DialogServerSession } from 'tandem';

const target = process.env.RECORDING ?? 'recording.wav';

export default async function record(call: DialogServerSession): Promise<void> {
  await call.answer();

  await using recording = call.recording(target); // playable at any moment, complete when closed
  await copy(recording.reader, recording.writer); // an echo, until the call is hung up
}
