import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/base/errors.ts';
import { createLogger } from '../../../src/base/log.ts';
import { answerJsonRpc } from '../../../src/control/jsonrpc/json-rpc.ts';
import { RpcFault } from '../../../src/control/rpc/fault.ts';
import { RpcMethods } from '../../../src/control/rpc/methods.ts';
import { method } from '../http/support.ts';

const dialog = {
  h_entry: 1573,
  'call-id': '1-16363@127.0.0.1',
  caller: { tag: 'a', cseq: '1' },
  profiles: ['inbound', { caller: 'sip:5001@192.168.210.54' }],
  variables: [{ gw: 'gw1' }],
};

function commands() {
  const ran: unknown[] = [];
  let closed = 0;
  const methods = new RpcMethods(createLogger('silent'));
  methods.add(
    method('t.echo', (args) => {
      const given = Array.from({ length: args.left }, () => args.string());
      ran.push(given);
      return given;
    }),
    method('t.int', (args) => args.int()),
    method('t.text', () => 'Alive'),
    method('t.nothing', () => undefined),
    method('t.list', () => ({ list: [dialog, dialog] })),
    method('t.empty', () => ({ list: [] })),
    method('t.many', () => ({
      list: (function* () {
        try {
          for (let i = 0; i < 1000; i++) yield i;
        } finally {
          closed++;
        }
      })(),
    })),
    method('t.fault', () => {
      throw new RpcFault(404, 'Dialog not found');
    }),
    method('t.config', () => {
      throw new ConfigError('cannot be');
    }),
    method('t.broken', () => {
      throw new Error('a secret of the inside');
    }),
    method('t.brokenList', () => ({
      // biome-ignore lint/correctness/useYield: it fails before
      list: (function* () {
        throw new Error('a secret of the inside');
      })(),
    })),
    method('t.change', () => 'Done', true),
  );
  const ask = async (body: unknown, mayChange = true) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const context = { who: 'test', signal: new AbortController().signal };
    const { status, reason, body: pieces } = await answerJsonRpc(methods, text, context, mayChange);
    let said = '';
    for await (const piece of pieces ?? []) said += piece;
    return { status, reason, said };
  };
  return { ran, ask, methods, closed: () => closed };
}

const call = (name: string, params?: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', method: name, params, id });
const { ask } = commands();

describe('a result has the shape that it has with Kamailio', () => {
  it.each([
    ['t.text', '"Alive"'],
    ['t.nothing', '{}'],
    ['t.empty', '[]'],
    ['t.list', JSON.stringify([dialog, dialog])],
  ])('%s', async (name, result) => {
    expect(await ask(call(name))).toEqual({
      status: 200,
      reason: undefined,
      said: `{"jsonrpc":"2.0","result":${result},"id":1}`,
    });
  });

  it('and a long list is said in pieces of a bounded length', async () => {
    const { methods } = commands();
    const context = { who: 'test', signal: new AbortController().signal };
    const { body } = await answerJsonRpc(methods, JSON.stringify(call('t.many')), context, true);
    const pieces: string[] = [];
    for await (const piece of body ?? []) pieces.push(piece);
    expect(pieces.length).toBe(Math.floor(1000 / 64) + 1);
    expect(JSON.parse(pieces.join('')).result).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });
});

describe('arguments', () => {
  it.each([
    [undefined, []],
    [[], []],
    [{}, []],
    [
      ['a', 2, 2.5],
      ['a', '2', '2.5'],
    ],
    // Names are not looked at, their order counts.
    [{ z: 'first', a: 'second' }, ['first', 'second']],
    [{ ['__proto__']: 'x' }, ['x']],
  ])('%j', async (params, values) => {
    expect(JSON.parse((await ask(call('t.echo', params))).said).result).toEqual(values);
  });

  it('may be digits in a text where a number is wanted', async () => {
    expect(JSON.parse((await ask(call('t.int', ['1573']))).said).result).toBe(1573);
  });

  it.each([[null], ['a'], [5], [[null]], [[true]], [[['a']]], [{ a: {} }]])('are not %j', async (params) => {
    expect(await ask(call('t.echo', params))).toEqual({
      status: 400,
      reason: undefined,
      said: '{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params"},"id":1}',
    });
  });
});

describe('a fault is an error with its code, which is the HTTP status, too', () => {
  it.each([
    ['t.fault', 404, 'Dialog not found'],
    ['t.none', 500, 'Method Not Found'],
    ['t.int', 400, 'error at parameter 0: expected int type but end of packet encountered'],
    ['t.config', 500, 'cannot be', { code: 'ERR_CONFIG' }],
    ['t.broken', 500, 'Internal error'],
    ['t.brokenList', 500, 'Internal error'],
  ])('%s', async (name, code, message, data?: object) => {
    expect(await ask(call(name))).toEqual({
      status: code,
      reason: message,
      said: JSON.stringify({ jsonrpc: '2.0', error: { code, message, data }, id: 1 }),
    });
  });

  it('and who may only look gets 403 for what changes something', async () => {
    expect(await ask(call('t.change'), false)).toMatchObject({ status: 403, reason: 'Forbidden' });
    expect(await ask(call('t.text'), false)).toMatchObject({ status: 200 });
    expect(await ask(call('t.change'), true)).toMatchObject({ status: 200 });
  });
});

describe('an id', () => {
  it.each([[1], [0], [-1.5], ['one'], [''], [null]])('comes back as %j', async (id) => {
    expect(JSON.parse((await ask(call('t.text', [], id))).said)).toEqual({ jsonrpc: '2.0', result: 'Alive', id });
    expect(JSON.parse((await ask(call('t.fault', [], id))).said)).toMatchObject({ id });
  });

  it.each([[true], [{}], [[1]]])('cannot be %j', async (id) => {
    expect(JSON.parse((await ask(call('t.text', [], id))).said)).toEqual({
      jsonrpc: '2.0',
      error: { code: -32600, message: 'Invalid Request' },
      id: null,
    });
  });

  it('that is missing makes a notification: it is done, and nothing is said', async () => {
    const { ran, ask, closed } = commands();
    expect(await ask({ jsonrpc: '2.0', method: 't.echo', params: ['a'] })).toEqual({
      status: 204,
      reason: undefined,
      said: '',
    });
    expect(ran).toEqual([['a']]);
    expect(await ask({ jsonrpc: '2.0', method: 't.fault' })).toMatchObject({ status: 204 });
    expect(await ask({ jsonrpc: '2.0', method: 't.none' })).toMatchObject({ status: 204 });
    expect(await ask({ jsonrpc: '2.0', method: 't.many' })).toMatchObject({ status: 204 });
    expect(closed()).toBe(1);
  });
});

describe('what is no request', () => {
  it.each([[''], ['{'], ['nonsense'], ['[1,'], ['\u0000']])('is a parse error: %j', async (text) => {
    expect(await ask(text)).toEqual({
      status: 400,
      reason: undefined,
      said: '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}',
    });
  });

  it.each([
    ['[]'],
    ['1'],
    ['null'],
    ['"a"'],
    ['{}'],
    ['{"jsonrpc":"1.0","method":"t.text"}'],
    ['{"jsonrpc":"2.0"}'],
  ])('is an invalid request: %s', async (text) => {
    expect(await ask(text)).toEqual({
      status: 400,
      reason: undefined,
      said: '{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}',
    });
  });

  it('keeps its id', async () => {
    expect(JSON.parse((await ask({ jsonrpc: '2.0', id: 7 })).said)).toMatchObject({ error: { code: -32600 }, id: 7 });
  });
});

describe('a batch', () => {
  it('is answered one by one, in order, without its notifications', async () => {
    const { ran, ask } = commands();
    const { status, said } = await ask([
      call('t.list', [], 'a'),
      { jsonrpc: '2.0', method: 't.echo', params: ['quiet'] },
      call('t.fault', [], 'b'),
      42,
      call('t.many', [], 'c'),
    ]);
    expect(status).toBe(200);
    expect(ran).toEqual([['quiet']]);
    expect(JSON.parse(said)).toEqual([
      { jsonrpc: '2.0', result: [dialog, dialog], id: 'a' },
      { jsonrpc: '2.0', error: { code: 404, message: 'Dialog not found' }, id: 'b' },
      { jsonrpc: '2.0', error: { code: -32600, message: 'Invalid Request' }, id: null },
      { jsonrpc: '2.0', result: Array.from({ length: 1000 }, (_, i) => i), id: 'c' },
    ]);
  });

  it('of notifications alone says nothing', async () => {
    const { ran, ask } = commands();
    const one = { jsonrpc: '2.0', method: 't.echo', params: ['a'] };
    expect(await ask([one, one])).toEqual({ status: 204, reason: undefined, said: '' });
    expect(ran).toHaveLength(2);
  });
});

it('a list is closed when its reader leaves', async () => {
  const { methods, closed } = commands();
  const context = { who: 'test', signal: new AbortController().signal };
  for (const body of [call('t.many'), [call('t.many'), call('t.many')]]) {
    const { body: pieces } = await answerJsonRpc(methods, JSON.stringify(body), context, true);
    let read = 0;
    for await (const _ of pieces ?? []) if (++read === 3) break;
  }
  expect(closed()).toBe(2);
});
