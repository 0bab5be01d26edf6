import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('replay.ts', import.meta.url));

async function timeLine(seed: number): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, String(seed)], { maxBuffer: 2 ** 26 });
  return stdout;
}

it('the same seed gives the same time line, byte for byte, in two processes; another seed another', async () => {
  const [one, two, other] = await Promise.all([timeLine(7), timeLine(7), timeLine(8)]);
  expect(one).toContain('hears goodbye.wav');
  expect(one).toMatch(/RTP stops after .*, checksum [0-9a-f]{8}/);
  expect(two).toBe(one);
  expect(other.replaceAll('seed 8', 'seed 7').replaceAll('=8', '=7')).not.toBe(one);
});
