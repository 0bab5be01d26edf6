/** `tandem import <kamailio.cfg>`: a `tandem.yaml` of what the dialog module was told there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { messageOf, TandemError } from '../base/errors.ts';
import { importKamailio, leftOutLine } from '../config/kamailio-import.ts';

export interface ImportOptions {
  readonly output?: string;
}

export async function importConfig(path: string, { output }: ImportOptions): Promise<number> {
  const { found, yaml, left } = importKamailio(read(path), path);
  for (const one of left) process.stderr.write(`tandem: ${path}: ${leftOutLine(one)}\n`);
  if (found === 0) throw new TandemError('ERR_IMPORT', `${path} has no modparam("dialog", …) line`);
  if (output === undefined) process.stdout.write(yaml);
  else write(output, yaml);
  return 0;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TandemError('ERR_IMPORT', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** A file that is there is somebody's work. */
function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new TandemError(
      'ERR_IMPORT',
      isThere ? `${path} is there already` : `cannot write ${path}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
