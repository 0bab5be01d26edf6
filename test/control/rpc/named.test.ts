import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../../src/base/log.ts';
import { RpcMethods } from '../../../src/control/rpc/methods.ts';
import { namedMethod } from '../../../src/control/rpc/named.ts';
import type { RpcInput } from '../../../src/control/rpc/value.ts';

const logged: unknown[] = [];
const logger = { ...createLogger('silent'), info: (fields: object) => void logged.push(fields) };
const methods = new RpcMethods(logger as never);
methods.add(
  namedMethod({
    name: 't.named',
    help: '',
    changes: true,
    secret: ['pin'],
    params: z.strictObject({
      call: z.string(),
      to: z.union([z.string(), z.array(z.string())]).optional(),
      pin: z.string().optional(),
      loop: z.union([z.boolean(), z.int()]).default(false),
    }),
    run: (params) => JSON.stringify(params),
  }),
);

const ask = async (input: RpcInput) =>
  JSON.parse(String(await methods.call('t.named', input, { who: 'me', signal: new AbortController().signal })));

describe('parameters by name', () => {
  it.each([
    [{ call: 'a' }, { call: 'a', loop: false }],
    [
      { to: ['b', 'c'], call: 'a' },
      { to: ['b', 'c'], call: 'a', loop: false },
    ],
    // BINRPC and the command line: words.
    [['a'], { call: 'a', loop: false }],
    [['a', 'loop=3'], { call: 'a', loop: 3 }],
    [['loop=true', 'a'], { call: 'a', loop: true }],
    [['call=17'], { call: '17', loop: false }],
    [[17, 'pin=12'], { call: '17', pin: '12', loop: false }],
    [['a', 'sip:b@c;transport=tcp'], { call: 'a', to: 'sip:b@c;transport=tcp', loop: false }],
    [['a', 'to=sip:b@c;x=y'], { call: 'a', to: 'sip:b@c;x=y', loop: false }],
    [['{"call":"a","to":["b"]}'], { call: 'a', to: ['b'], loop: false }],
  ] as [RpcInput, object][])('%j', async (input, values) => {
    expect(await ask(input)).toEqual(values);
  });

  it.each([
    [{}, /^call: /],
    [{ call: 1 }, /^call: /],
    [{ call: 'a', cal: 'b' }, /"cal"/],
    [['a', 'b', 'c', 'true', 'more'], 'more parameters than it takes'],
    [['a', 'loop=perhaps'], /^loop: /],
    [['{nonsense'], /^no JSON/],
    [['{"call":null}'], /^call: /],
  ] as [RpcInput, string | RegExp][])('are not %j', async (input, message) => {
    await expect(ask(input)).rejects.toMatchObject({ fault: 400 });
    await expect(ask(input)).rejects.toThrow(message);
  });

  it('are logged with who gave them, but for what is secret', async () => {
    logged.length = 0;
    await ask({ call: 'a'.repeat(300), pin: '1234', to: ['b'] });
    expect(logged).toEqual([
      { who: 'me', command: 't.named', arguments: { call: 'a'.repeat(200), pin: '…', to: 'object' } },
    ]);
    await ask(['a', 'pin=1234']);
    expect(JSON.stringify(logged)).not.toContain('1234');
  });
});
