/** The sockets of an engine that was given none: which kind there is, and one of that kind. */
import type { Clock } from '../../src/base/clock.ts';
import { ConfigError } from '../../src/base/errors.ts';
import { createDgramIo } from './dgram-udp-port.ts';
import { loadAddon } from './native-addon.ts';
import { createNativeIo } from './native-udp-port.ts';
import type { OwnUdpIo } from './udp-port.ts';

/** How RTP sockets are read: by Node's `dgram`, or in batches by the addon. */
export type UdpIoName = 'dgram' | 'native';

export interface UdpIoChoice {
  readonly io: UdpIoName;
  /** Why it is not `native`, where that was not asked for. */
  readonly reason?: string;
}

/**
 * @param wanted `auto` takes the addon where there is one
 * @throws ConfigError when the addon is asked for and cannot be had
 */
export function chooseUdpIo(wanted: 'auto' | UdpIoName, load: typeof loadAddon = loadAddon): UdpIoChoice {
  if (wanted === 'dgram') return { io: 'dgram' };
  const loaded = load();
  if (loaded.ok) return { io: 'native' };
  if (wanted === 'auto') return { io: 'dgram', reason: loaded.reason };
  throw new ConfigError(
    `media.io 'native' needs the addon, and ${loaded.reason}: \`tandem native\` builds it with the C compiler of this ` +
      "machine; 'auto' does without",
  );
}

/** `clock`, with the timers of `io` where it has some: for whoever sets one at a time. */
export function beatClock(clock: Clock, io: OwnUdpIo): Clock {
  const setAlarm = io.setAlarm?.bind(io);
  if (!setAlarm) return clock;
  return { now: () => clock.now(), wallclock: () => clock.wallclock(), setTimer: setAlarm };
}

/** @throws ConfigError when the addon is gone since it was chosen */
export function openUdpIo(io: UdpIoName): OwnUdpIo {
  if (io === 'dgram') return createDgramIo();
  const loaded = loadAddon();
  if (!loaded.ok) throw new ConfigError(`media.io 'native' needs the addon, and ${loaded.reason}`);
  return createNativeIo(loaded.addon);
}
