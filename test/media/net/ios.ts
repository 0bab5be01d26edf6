/** Both implementations of `UdpIo`, the native one where its addon is built. */
import { createDgramIo } from '../../../media/net/dgram-udp-port.ts';
import { loadAddon } from '../../../media/net/native-addon.ts';
import { createNativeIo } from '../../../media/net/native-udp-port.ts';
import type { UdpIoName } from '../../../media/net/own-udp-io.ts';
import type { OwnUdpIo } from '../../../media/net/udp-port.ts';

export const loaded = loadAddon();

export const ios: readonly [UdpIoName, () => OwnUdpIo][] = [
  ['dgram', createDgramIo],
  ...(loaded.ok ? [['native', () => createNativeIo(loaded.addon)] satisfies [UdpIoName, () => OwnUdpIo]] : []),
];
