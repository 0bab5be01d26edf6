/** Files that commands write: only below one folder, and by no way out of it. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { RpcFault } from '../rpc/fault.ts';

/**
 * Where a file of this name may be written.
 * @param folder the only one; undefined: nowhere
 * @param name relative to the folder, or a path below it
 * @throws RpcFault 500 for a way out of the folder, through a link, or to what is no plain file
 */
export async function writablePath(folder: string | undefined, name: string): Promise<string> {
  if (folder === undefined) throw new RpcFault(500, 'no folder is set that files may be written to');
  const path = resolve(folder, name);
  if (name.includes('\0') || !isBelow(resolve(folder), path)) throw new RpcFault(500, `${name} is not below ${folder}`);
  const parent = await realpath(dirname(path)).catch(() => undefined);
  if (parent === undefined) throw new RpcFault(500, `the folder of ${name} is not there`);
  // A link on the way is refused even if it leads to the folder: it may lead elsewhere a moment later.
  const real = join(await realpath(folder), relative(resolve(folder), dirname(path)));
  if (parent !== real) throw new RpcFault(500, `${name} is not below ${folder}: there is a link on the way`);
  const target = join(parent, basename(path));
  const known = await lstat(target).catch(() => undefined);
  if (known && (!known.isFile() || known.nlink > 1)) throw new RpcFault(500, `${name} is no plain file`);
  return target;
}

/** Opens a file to add to it; it is made if need be. @throws as `writablePath`, RpcFault 500 when it cannot be opened */
export async function openToAppend(folder: string | undefined, name: string): Promise<FileHandle> {
  const path = await writablePath(folder, name);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  let file: FileHandle;
  try {
    // Without O_NONBLOCK a pipe of that name would wait for a reader.
    file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (error) {
    throw new RpcFault(500, `${name} cannot be written: ${(error as NodeJS.ErrnoException).code}`, error);
  }
  // What was checked by its name may have been changed since.
  const stat = await file.stat();
  if (stat.isFile() && stat.nlink === 1) return file;
  await file.close();
  throw new RpcFault(500, `${name} is no plain file`);
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
