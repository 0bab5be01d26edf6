import { afterEach, describe, expect, it, vi } from 'vitest';
import { type DialogServerSession, Tandem } from '../../src/index.ts';
import { Lab, LabError, labFixture, sine } from '../../src/testing/index.ts';

const sounds = new URL('../../prompts/', import.meta.url);

/** Answers, and stays until the caller leaves. */
async function answers(call: DialogServerSession): Promise<void> {
  await call.answer();
  await call.ended;
}

/** What the lab says at its end. */
async function complaint(lab: Lab): Promise<string> {
  const error = await lab.close().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof LabError ? error.message : '';
}

afterEach(() => vi.unstubAllEnvs());

describe('a lab', () => {
  it('is one call, and clean afterwards', async () => {
    await using lab = new Lab({ sounds });
    await lab.serve(answers);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    expect(alice.call?.state).toBe('up');
    await alice.hangup();
  });

  it('lets no time pass but for those who wait for it', async () => {
    await using lab = new Lab();
    await lab.serve(answers);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const now = lab.clock.now();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(lab.clock.now()).toBe(now);
    await lab.advance(1234);
    expect(lab.clock.now()).toBe(now + 1234);
  });

  it('runs work that is not a phone’s, as far as it takes', async () => {
    await using lab = new Lab();
    const tandem = await lab.serve(answers);
    const bob = lab.phone('bob');
    bob.onCall = { answerAfterMs: 3000 };
    const call = await lab.run(tandem.invite('sip:bob@bob'));
    expect(lab.clock.now()).toBeGreaterThanOrEqual(3000);
    expect(lab.clock.now()).toBeLessThan(3100);
    await lab.run(call.close());
  });

  it('says so when work never comes to an end, and throws what the work throws', async () => {
    await using lab = new Lab();
    await expect(lab.run(new Promise(() => {}), 5000)).rejects.toThrow(/did not happen within 5 s/);
    expect(lab.clock.now()).toBe(5000);
    await expect(lab.run(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  });

  it('has several Tandems, each with its own address and name', async () => {
    await using lab = new Lab({ sounds });
    const first = await lab.serve(async (call) => {
      const second = await call.invite('sip:600@east');
      const bridge = await first.bridge(call, second);
      await bridge.ended;
    });
    await lab.serve(
      async (call) => {
        const echo = call.echo();
        await call.answer();
        await echo;
      },
      { name: 'east' },
    );
    const alice = lab.phone('alice');
    await alice.dial('600');
    await alice.speak(sine(700));
    await alice.hearsTone(700);
    await alice.hangup();
    expect(lab.network.hosts.map(({ name, address }) => `${name} ${address}`)).toEqual([
      'tandem 10.0.0.1',
      'east 10.0.0.2',
      'alice 10.0.1.1',
    ]);
  });

  it('takes its seed from its options, else from TANDEM_SEED, else 1', async () => {
    await using one = new Lab();
    vi.stubEnv('TANDEM_SEED', '42');
    await using two = new Lab();
    await using three = new Lab({ seed: 7 });
    expect([one.seed, two.seed, three.seed]).toEqual([1, '42', 7]);
  });

  it('refuses two hosts of one name', async () => {
    await using lab = new Lab();
    lab.phone('alice');
    expect(() => lab.phone('alice')).toThrow(/a host alice/);
  });

  it('waits for files that a script reads with node:fs, and keeps what the server records', async () => {
    await using lab = new Lab({ sounds });
    await lab.serve(async (call) => {
      const { readFile } = await import('node:fs/promises');
      const bytes = await readFile(new URL('goodbye.wav', sounds));
      await call.answer();
      const recording = call.recording('/var/spool/all.wav', { channels: 1, direction: 'out' });
      await call.playback().play(new Uint8Array(bytes));
      await recording.close();
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('goodbye.wav');
    await alice.ends();
    expect(lab.files.get('/var/spool/all.wav').length).toBeGreaterThan(40_000);
  });

  it('goes on with a call when the disk is full, and the script learns of it', async () => {
    await using lab = new Lab({ sounds });
    let code: unknown;
    await lab.serve(async (call) => {
      await call.answer();
      const recording = call.recording('/full.wav');
      await recording.done.catch((error: { code: unknown }) => {
        code = error.code;
      });
      await call.playback().play(new URL('goodbye.wav', sounds));
    });
    lab.files.failure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hears('goodbye.wav');
    expect(code).toBe('ERR_FILE');
    await alice.ends();
  });

  it('plays from HTTP in memory', async () => {
    await using lab = new Lab({ sounds });
    await lab.serve(async (call) => {
      await call.answer();
      await call.playback().play('https://example.com/goodbye.wav');
    });
    const bytes = await lab.files.read(new URL('goodbye.wav', sounds).pathname);
    lab.fetch.answer('https://example.com/goodbye.wav', { bytes, afterMs: 700 });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const heard = await alice.hears('goodbye.wav');
    expect(heard.from).toBeGreaterThan(700);
    await alice.ends();
  });

  it('moves no timer when the time of day jumps', async () => {
    await using lab = new Lab();
    let slept = 0;
    await lab.serve(async (call, tandem) => {
      await call.answer();
      const before = lab.clock.now();
      await tandem.sleep(2000);
      slept = lab.clock.now() - before;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    lab.clock.jumpWallclock(-3_600_000);
    await alice.ends();
    expect(slept).toBe(2000);
  });
});

describe('at its end a lab finds', () => {
  it('a handler that goes on after its call', async () => {
    const lab = new Lab();
    await lab.serve(async (call) => {
      await call.answer();
      await call.ended;
      await new Promise(() => {});
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hangup();
    expect(await complaint(lab)).toMatch(/handlers, or work behind calls: 1/);
  });

  it('a promise that was rejected and nobody looked', async () => {
    const lab = new Lab();
    await lab.serve(async (call) => {
      void Promise.reject(new Error('unseen'));
      await answers(call);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.hangup();
    expect(await complaint(lab)).toMatch(/rejected and nobody looked: unseen/);
  });

  it('a timer, by its name', async () => {
    const lab = new Lab();
    lab.clock.setTimer(3_600_000, () => {}, 'a reminder');
    expect(await complaint(lab)).toMatch(/timers: a reminder/);
  });

  it('a port', async () => {
    const lab = new Lab();
    await lab.serve(answers);
    lab.network.hostOf('tandem').openUdp('rtp', 4000, () => {});
    expect(await complaint(lab)).toMatch(/tandem: udp 4000 still open/);
  });

  it('a file', async () => {
    const lab = new Lab();
    await lab.files.create('/forgotten');
    expect(await complaint(lab)).toMatch(/files that are being written: 1/);
  });

  it('nothing in calls that the test left up, in whatever state', async () => {
    await using lab = new Lab({ sounds });
    const tandem = await lab.serve(async (call) => {
      if (call.toUser === 'rings') {
        await call.ringing();
        await tandem.sleep(600_000, { signal: call.signal });
      } else await answers(call);
    });
    const [up, ringing, calling, gone, called] = ['a', 'b', 'c', 'd', 'e'].map((name) => lab.phone(name));
    await up?.dial('1000');
    ringing?.invite('rings');
    await ringing?.receives(180);
    calling?.invite('1000');
    await gone?.dial('1000');
    gone?.vanish();
    void tandem.invite('sip:e@e').catch(() => {});
    await called?.rings();
  });

  it('what an error that was expected does not hide', async () => {
    const lab = new Lab();
    await lab.serve(answers);
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await expect(alice.hearsTone(440, { within: 100 })).rejects.toThrow(/did not hear a tone/);
    lab.clock.setTimer(1e9, () => {}, 'left');
    await alice.hangup();
    expect(await complaint(lab)).toMatch(/timers: left/);
  });

  it('nothing that would hide the error by which its scope is left', async () => {
    const test = async (): Promise<void> => {
      await using lab = new Lab();
      await lab.serve(answers);
      lab.clock.setTimer(1e9, () => {}, 'left');
      const alice = lab.phone('alice');
      await alice.dial('1000');
      await alice.hearsTone(440, { within: 100 });
    };
    await expect(test()).rejects.toThrow(/^alice did not hear a tone of 440 Hz/);
  });
});

describe('a failure', () => {
  it('shows what was heard, the time line and the seed', async () => {
    await using lab = new Lab({ sounds, seed: 99 });
    await lab.serve(async (call) => {
      await call.answer();
      const { digits } = await call.gather({ digits: 1 });
      await call.playback().play(new URL('goodbye.wav', sounds));
      call.variables.set('digits', digits);
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await alice.press('5');
    const { message } = (await alice.hears('welcome.wav', { within: 4000 }).catch((error: unknown) => error)) as Error;
    expect(message).toMatch(/^alice did not hear welcome\.wav/);
    expect(message).toMatch(/alice heard\n\s+\d\.\d{3} {2}goodbye\.wav, until \d\.\d{3}/);
    expect(message).toContain('time line of seed 99 (TANDEM_SEED=99 replays it)');
    expect(message).toMatch(/alice → tandem {2}INVITE sip:1000@10\.0\.0\.1 #1 SDP/);
    expect(message).toMatch(/alice → tandem {2}digit 5 \(RFC 4733\)/);
    expect(message).toMatch(/tandem {10}call \w+ got digit 5/);
    expect(message).toMatch(/tandem → alice {2}BYE/);
  });

  it('shows timers that did something', async () => {
    await using lab = new Lab();
    await lab.serve(async (call) => {
      await call.answer();
      await call.gather({ timeout: 2000 });
    });
    const alice = lab.phone('alice');
    alice.misbehave({ ack: { afterMs: 600 } });
    await alice.dial('1000');
    await alice.ends();
    const story = lab.timeLine.toString();
    expect(story).toMatch(/timer +gather/);
    expect(story).toMatch(/tandem → alice {2}200 OK #1 INVITE SDP\n(.*\n)*.*tandem → alice {2}200 OK #1 INVITE SDP/);
  });
});

describe('the fixture', () => {
  interface Task {
    readonly meta: { tandem?: unknown };
    readonly result: { state: string; errors: { message: string }[] };
  }
  const context = (task: Task) => {
    const hooks: ((failed: { task: Task }) => void)[] = [];
    return { task, hooks, onTestFailed: (hook: (failed: never) => void) => void hooks.push(hook as never) };
  };

  it('puts the time line below any expectation that failed, once', async () => {
    const task: Task = { meta: {}, result: { state: 'run', errors: [] } };
    const { hooks, ...test } = context(task);
    await labFixture().lab(test as never, async (lab) => {
      await lab.serve(answers);
      await lab.phone('alice').dial('1000');
      task.result.state = 'fail';
      task.result.errors.push({ message: 'expected 1 to be 2' });
    });
    for (const hook of hooks) hook({ task });
    for (const hook of hooks) hook({ task });
    expect(task.result.errors[0]?.message).toMatch(/^expected 1 to be 2\n\ntime line of seed 1/);
    expect(task.result.errors[0]?.message.split('time line of seed')).toHaveLength(2);
    expect(task.meta.tandem).toMatchObject({ seed: 1, virtualMs: expect.any(Number) });
  });

  it('fails a test that passed and left something behind', async () => {
    const task: Task = { meta: {}, result: { state: 'run', errors: [] } };
    const leaving = labFixture().lab(context(task) as never, async (lab) => {
      lab.clock.setTimer(1e9, () => {}, 'left');
    });
    await expect(leaving).rejects.toThrow(/timers: left/);
  });
});

it('a Tandem of the lab is a Tandem', async () => {
  await using lab = new Lab();
  expect(await lab.serve(answers)).toBeInstanceOf(Tandem);
});
