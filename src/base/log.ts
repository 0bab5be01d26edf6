/** The only file that knows pino. Quiet by default: warnings and errors. */
import { destination, pino } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What our code asks of a logger; a pino logger is one. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

export const logLevels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** Of a logger that `createLogger` made, and of what it gives birth to from now on. */
export function setLogLevel(logger: Logger, level: LogLevel): void {
  (logger as Logger & { level?: string }).level = level;
}

/** A JSON logger on stderr. @param sync write before returning, for a process that may exit at once. */
export function createLogger(level: LogLevel = 'warn', sync = false): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: 2, sync }));
}
