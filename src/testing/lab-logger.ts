/** A server's log in the lab: warnings and errors stand in the time line. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { TimeLine } from './time-line.ts';

export function labLogger(timeLine: TimeLine, clock: Clock, who: string): Logger {
  const write =
    (level: string) =>
    (fields: object, message: string): void => {
      const {
        err: _err,
        stack: _stack,
        callId: _callId,
        session: _session,
        ...facts
      } = fields as Record<string, unknown>;
      const rest = Object.keys(facts).length > 0 ? ` ${JSON.stringify(facts)}` : '';
      timeLine.add({ at: clock.now(), kind: 'log', who, text: `${level}: ${message}${rest}` });
    };
  const ignore = (): void => {};
  const logger: Logger = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  return logger;
}
