/** JSON Schema of what can be asked for, and of what is told. */
import { z } from 'zod';
import { eventSchemas } from './events/schemas.ts';
import { callCommands } from './remote/params.ts';

const anyParams = {
  type: 'array',
  items: { type: ['string', 'number'] },
};

/** What there is to be described; an `RpcMethod` is one. */
export interface Described {
  readonly name: string;
  readonly help: string;
  readonly params?: z.ZodObject;
  readonly changes?: boolean;
}

/** @param methods default: those of remote controllers */
export function rpcJsonSchema(methods: readonly Described[] = remoteMethods()): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    methods: Object.fromEntries(
      methods.map(({ name, help, params, changes = false }) => [
        name,
        { description: help, changes, params: params ? bare(params, 'input') : anyParams },
      ]),
    ),
    events: Object.fromEntries(Object.entries(eventSchemas).map(([name, schema]) => [name, bare(schema, 'output')])),
  };
}

function remoteMethods(): readonly Described[] {
  return Object.entries(callCommands).map(([name, command]) => ({ name, ...command }));
}

function bare(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
