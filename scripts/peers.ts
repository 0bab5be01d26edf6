/** The programs that the interop tests talk to, and which of them this machine lacks. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export const peers = ['sipp', 'baresip', 'kamailio', 'sngrep', 'sox', 'espeak-ng', 'ffmpeg', 'opusinfo'] as const;
export type Peer = (typeof peers)[number];

export function missingPeers(searchPath = process.env.PATH ?? ''): Peer[] {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  return peers.filter((peer) => !folders.some((folder) => isExecutable(join(folder, peer))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
