/** Answers first and calls TARGET then: what the caller says while it rings has nowhere to go. */
import type { DialogServerSession, Tandem } from 'tandem';

const target = process.env.TARGET ?? 'sip:uas@127.0.0.1:5090';

export default async function answerThenDial(call: DialogServerSession, tandem: Tandem): Promise<void> {
  await call.answer();
  const callee = await call.invite(target);
  await using bridge = await tandem.bridge(call, callee);
  await bridge.ended;
}
