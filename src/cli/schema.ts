/** `tandem schema`: what programs read to know what they may write. */
import { configJsonSchema } from '../config/schema.ts';
import { rpcJsonSchema } from '../control/schema.ts';
import { UsageError } from './program.ts';

const schemas: Readonly<Record<string, () => object>> = { config: configJsonSchema, rpc: () => rpcJsonSchema() };

/** @throws UsageError */
export async function showSchema(what: string): Promise<number> {
  if (!Object.hasOwn(schemas, what)) throw new UsageError(`there is a schema of config and of rpc, not of ${what}`);
  process.stdout.write(`${JSON.stringify(schemas[what]?.(), null, 2)}\n`);
  return 0;
}
