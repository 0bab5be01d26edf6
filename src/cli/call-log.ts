/** One line in the log for each call when its INVITE is there, and one when it is over. */
import type { Logger } from '../base/log.ts';
import type { DialogEndEvent, DialogEvent, DialogRecord, DialogRegistry } from '../index.ts';

/** @returns ends it */
export function logCalls(registry: DialogRegistry, logger: Logger): () => void {
  const end = (dialog: DialogRecord, facts: object): void =>
    logger.info({ ...factsOf(dialog), ...facts, duration: dialog.duration }, 'call ended');
  const onEnd = ({ dialog, cause: { by, status, reason } }: DialogEndEvent): void =>
    end(dialog, {
      endedBy: dialog.endedBy,
      cause: by,
      ...(status === undefined ? {} : { status }),
      ...(reason === undefined ? {} : { reason }),
    });
  const stops = [
    registry.on('created', ({ dialog }: DialogEvent) => logger.info(factsOf(dialog), 'INVITE: a call begins')),
    registry.on('terminated', onEnd),
    registry.on('failed', onEnd),
    // Nobody hung up: it is only no longer followed.
    registry.on('expired', ({ dialog }) => end(dialog, { cause: 'timeout' })),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function factsOf({ callId, fromUri, toUri, direction }: DialogRecord): object {
  return { callId, from: fromUri, to: toUri, direction };
}
