/** The programs that the interop tests talk to, and which of them this machine lacks. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A test that needs one has its name in its path → the program that is there if it is. */
const programs = {
  sipp: 'sipp',
  baresip: 'baresip',
  kamailio: 'kamailio',
  sngrep: 'sngrep',
  sox: 'sox',
  'espeak-ng': 'espeak-ng',
  ffmpeg: 'ffmpeg',
  opusinfo: 'opusinfo',
  chromium: 'chromium',
  // Their servers are in folders that no PATH has.
  postgres: 'pg_ctlcluster',
  mariadb: 'mariadb-install-db',
} as const;

export type Peer = keyof typeof programs;
export const peers = Object.keys(programs) as readonly Peer[];

export function programOf(peer: Peer): string {
  return programs[peer];
}

export function missingPeers(searchPath = process.env.PATH ?? ''): Peer[] {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  return peers.filter((peer) => !folders.some((folder) => isExecutable(join(folder, programOf(peer)))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
