/** Options with their defaults, checked once. */
import { ConfigError } from '../../src/base/errors.ts';
import { defaultJitterBuffer, type JitterBufferOptions } from '../jitter/delay-estimate.ts';
import type { SymmetricRtp } from '../protocol.ts';
import type { MediaOptions } from './types.ts';

export interface PortRange {
  readonly min: number;
  readonly max: number;
}

export interface MediaSettings {
  readonly rtpPorts: PortRange;
  readonly workers: number;
  readonly io: 'auto' | 'dgram' | 'native';
  readonly symmetricRtp: SymmetricRtp;
  readonly rtpTimeout: number;
  readonly rtcpInterval: number;
  readonly jitterBuffer: JitterBufferOptions;
  readonly promptCacheBytes: number;
  readonly opus: boolean;
}

export interface Surroundings {
  /** Workers to start when nothing is said. */
  readonly defaultWorkers: number;
  /** False when clock or network are not this machine's own: they cannot be shared with a thread. */
  readonly shareable: boolean;
}

/** @throws ConfigError that names the setting */
export function mediaSettings(options: MediaOptions, { defaultWorkers, shareable }: Surroundings): MediaSettings {
  const rtpPorts = options.rtpPorts ?? { min: 16384, max: 32766 };
  const { min, max } = rtpPorts;
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1024 || max > 65535 || max < min + (min % 2) + 1)
    throw new ConfigError(
      `media.rtpPorts ${min}–${max} is not a range of ports with at least one even/odd pair in 1024–65535`,
    );
  const workers = options.workers ?? (shareable ? defaultWorkers : 0);
  if (!Number.isInteger(workers) || workers < 0 || workers > 256)
    throw new ConfigError(`media.workers must be a whole number from 0 to 256, not ${workers}`);
  if (workers > 0 && !shareable)
    throw new ConfigError('media.workers must be 0 with a clock or network of your own: threads cannot share it');
  const io = options.io ?? 'auto';
  if (!['auto', 'dgram', 'native'].includes(io))
    throw new ConfigError(`media.io must be 'auto', 'dgram' or 'native', not '${io}'`);
  if (io === 'native' && !shareable)
    throw new ConfigError("media.io must not be 'native' with a clock or network of your own");
  const symmetricRtp = options.symmetricRtp ?? 'latch';
  if (!['latch', 'strict', 'off'].includes(symmetricRtp))
    throw new ConfigError(`media.symmetricRtp must be 'latch', 'strict' or 'off', not '${symmetricRtp}'`);
  return {
    rtpPorts,
    workers,
    io,
    symmetricRtp,
    rtpTimeout: milliseconds('media.rtpTimeout', options.rtpTimeout ?? 0, 0),
    rtcpInterval: milliseconds('media.rtcpInterval', options.rtcpInterval ?? 5000, 100),
    jitterBuffer: jitterBuffer(options.jitterBuffer),
    opus: options.opus ?? false,
    promptCacheBytes: milliseconds('media.promptCacheBytes', options.promptCacheBytes ?? 64 * 1024 * 1024, 0),
  };
}

/** Audio that is kept for longer is no conversation any more. */
const longestDelayMs = 1000;

function jitterBuffer(options: Partial<JitterBufferOptions> = {}): JitterBufferOptions {
  const { mode = 'adaptive', min = defaultJitterBuffer.min } = options;
  const max = options.max ?? Math.max(min, defaultJitterBuffer.max);
  if (mode !== 'adaptive' && mode !== 'fixed')
    throw new ConfigError(`media.jitterBuffer.mode must be 'adaptive' or 'fixed', not '${mode}'`);
  for (const [name, value] of Object.entries({ min, max }))
    if (!Number.isFinite(value) || value < 0 || value > longestDelayMs)
      throw new ConfigError(`media.jitterBuffer.${name} must be from 0 to ${longestDelayMs} ms, not ${value}`);
  if (min > max) throw new ConfigError(`media.jitterBuffer.min is ${min} ms, more than max, ${max}`);
  return { mode, min, max };
}

function milliseconds(name: string, value: number, min: number): number {
  if (!Number.isFinite(value) || value < min)
    throw new ConfigError(`${name} must be a number from ${min} on, not ${value}`);
  return value;
}
