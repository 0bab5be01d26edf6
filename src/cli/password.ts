/** `tandem password`: what stands in `http.users.<name>.hash` in place of a password. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { ConfigError } from '../base/errors.ts';
import { hashPassword } from '../control/http/passwords.ts';

const saltBytes = 16;

/** Reads one line of standard input, so that no password stands in the list of processes. */
export async function password(): Promise<number> {
  const { stdin, stderr } = process;
  if (stdin.isTTY) stderr.write('password (it is shown): ');
  const lines = createInterface({ input: stdin, terminal: false });
  let given = '';
  for await (const line of lines) {
    given = line;
    break;
  }
  lines.close();
  if (given === '') throw new ConfigError('tandem password takes the password from standard input');
  process.stdout.write(`${await hashPassword(given, randomBytes(saltBytes))}\n`);
  return 0;
}
