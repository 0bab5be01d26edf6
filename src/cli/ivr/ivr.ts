/** `tandem ivr`: the ready-made server. */
import { join } from 'node:path';
import { runServer } from '../server.ts';
import { loadSettings, type ServerFlags } from '../settings.ts';
import { dialPlan } from './dial-plan.ts';

export async function ivr(flags: ServerFlags, root: string): Promise<number> {
  const { config } = loadSettings(flags);
  const handler = dialPlan((name) => join(root, 'prompts', `${name}.wav`));
  return runServer(config, async () => ({ handler }));
}
