/** Files that are played by command: only those below one folder. */
import { relative, resolve, sep } from 'node:path';
import { TandemError } from '../base/errors.ts';

/** @param name relative to the folder, or a path below it @throws TandemError ERR_ARGUMENT for a way out of it */
export function soundPath(folder: string, name: string): string {
  const root = resolve(folder);
  const path = resolve(root, name);
  const way = relative(root, path);
  if (name.includes('\0') || way === '..' || way.startsWith(`..${sep}`))
    throw new TandemError('ERR_ARGUMENT', `${name} is not below the folder of sounds`);
  return path;
}

/** A URL of the web is played as it is. @throws as `soundPath` */
export function soundSource(folder: string, text: string): string {
  return /^https?:\/\//i.test(text) ? text : soundPath(folder, text);
}
