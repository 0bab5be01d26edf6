import { describe } from 'vitest';
import { pbxCommands } from '../../../src/control/commands/pbx.ts';
import { RpcMethods } from '../../../src/control/rpc/methods.ts';
import { isRpcList, type RpcReply, type RpcScalar, type RpcValue } from '../../../src/control/rpc/value.ts';
import type { Tandem } from '../../../src/tandem.ts';
import type { Lab } from '../../../src/testing/index.ts';
import { expect, test } from '../../helpers/lab.ts';
import { registered, serveUsers } from '../../pbx/phones.ts';
import { silent } from '../../sip/lab.ts';

interface Desk {
  readonly tandem: Tandem;
  ask(name: string, ...args: readonly RpcScalar[]): Promise<readonly RpcValue[]>;
}

async function serve(lab: Lab): Promise<Desk> {
  const tandem = await serveUsers(lab, async (call, house) => {
    if (call.toUser === '700') await house.parkingLot('main').park(call);
    else if (call.toUser === '5001') await house.voicemail('5001').record(call);
    else await house.queue('support').enter(call);
  });
  tandem.queue('support', { members: ['bob'], announceEvery: 0, ringTime: 60_000 });
  tandem.parkingLot('main', { slots: { first: 701, last: 702 } });
  tandem.voicemail('5001', { folder: 'vm' });
  const methods = new RpcMethods(silent);
  methods.add(...pbxCommands(tandem));
  const ask = async (name: string, ...args: readonly RpcScalar[]): Promise<readonly RpcValue[]> => {
    const context = { who: 'test', signal: new AbortController().signal };
    const reply: RpcReply = await lab.run(methods.call(name, args, context));
    if (reply === undefined) return [];
    const values: RpcValue[] = [];
    if (isRpcList(reply)) for await (const value of reply.list) values.push(value);
    return values;
  };
  return { tandem, ask };
}

describe('commands', () => {
  test('show who waits in a queue, and pause and resume its agents', async ({ lab }) => {
    const { ask } = await serve(lab);
    await registered(lab, 'bob');
    const alice = lab.phone('alice');
    await alice.dial('queue');
    await lab.advance(3000);
    expect(await ask('queue.list')).toEqual([
      {
        name: 'support',
        callers: [{ position: 1, from: 'alice', waited: 3, priority: 0, ringing: 'bob', call_id: expect.any(String) }],
        agents: [{ name: 'bob', state: 'ringing', taken: 0, missed: 0 }],
        left: { answered: 0, timeout: 0, full: 0, 'no-agents': 0, abandoned: 0, key: 0 },
      },
    ]);
    await alice.hangup();
    await ask('queue.pause', 'support', 'bob');
    expect(await ask('queue.list', 'support')).toMatchObject([
      { agents: [{ state: 'paused' }], left: { abandoned: 1 } },
    ]);
    await ask('queue.resume', 'support', 'bob');
    expect(await ask('queue.list', 'support')).toMatchObject([{ agents: [{ state: 'idle' }] }]);
    await expect(ask('queue.list', 'none')).rejects.toThrow('There is no queue none');
    await expect(ask('queue.pause', 'support')).rejects.toThrow(/error at parameter 1/);
    await expect(ask('queue.pause', 'support', 'eve')).rejects.toThrow(/has no agent "eve"/);
  });

  test('show parked calls', async ({ lab }) => {
    const { ask } = await serve(lab);
    const alice = lab.phone('alice');
    await alice.dial('700');
    await lab.advance(2000);
    expect(await ask('parking.list')).toEqual([
      { name: 'main', calls: [{ slot: 701, from: 'alice', parker: '', parked: 2, call_id: expect.any(String) }] },
    ]);
    await alice.hangup();
  });

  test('show, mark and delete messages', async ({ lab }) => {
    const { ask, tandem } = await serve(lab);
    const alice = lab.phone('alice');
    await alice.dial('5001');
    await alice.press('1');
    await lab.advance(1000);
    await alice.say('goodbye.wav');
    await alice.press('#');
    await alice.ends();
    const [message] = await tandem.voicemail('5001').messages();
    const { id = '' } = message ?? {};
    expect(await ask('voicemail.list')).toMatchObject([
      { name: '5001', messages: [{ id, state: 'new', from: 'alice' }] },
    ]);
    await ask('voicemail.mark', '5001', id, 'saved');
    expect(await ask('voicemail.list', 5001)).toMatchObject([{ messages: [{ id, state: 'saved' }] }]);
    await expect(ask('voicemail.mark', '5001', id, 'old')).rejects.toThrow('a message is new or saved');
    await expect(ask('voicemail.delete', '5001', '../../etc/passwd')).rejects.toThrow(/there is no message/);
    await ask('voicemail.delete', '5001', id);
    expect(await ask('voicemail.list')).toEqual([{ name: '5001', messages: [] }]);
  });
});
