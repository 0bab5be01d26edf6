import { describe } from 'vitest';
import { readWav } from '../../media/audio/index.ts';
import type { Conference, ConferenceOptions } from '../../src/session/conference.ts';
import type { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { Tandem } from '../../src/tandem.ts';
import { type Lab, type Phone, sine } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { bestSine } from '../media/audio/signal.ts';

interface House {
  readonly tandem: Tandem;
  /** By the phone's name. */
  readonly calls: Map<string, DialogServerSession>;
  /** Events of conferences, in short. */
  readonly events: string[];
  room(): Conference;
}

/** Every call joins the room `talk`. */
async function house(lab: Lab, options: ConferenceOptions = {}): Promise<House> {
  const calls = new Map<string, DialogServerSession>();
  const tandem = await lab.serve(async (call, house) => {
    calls.set(call.fromUser ?? '', call);
    await house.conference('talk', options).add(call);
    await call.ended;
  });
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const { observer } = tandem;
  const who = (sessionId: string | undefined): string =>
    [...calls].find(([, { id }]) => id === sessionId)?.[0] ?? 'nobody';
  observer.on('conference:joined', ({ sessionId, members }) => note(`${who(sessionId)} joined, ${members}`));
  observer.on('conference:left', ({ sessionId, members }) => note(`${who(sessionId)} left, ${members}`));
  observer.on('conference:speaker', ({ sessionId }) => note(`${who(sessionId)} speaks`));
  observer.on('conference:ended', ({ conference, reason }) => note(`${conference} ended: ${reason}`));
  return { tandem, calls, events, room: () => tandem.conference('talk') };
}

async function dial(lab: Lab, names: readonly string[]): Promise<Phone[]> {
  const phones = names.map((name) => lab.phone(name));
  for (const phone of phones) await phone.dial('603');
  return phones;
}

/** RMS of a tone in the last half second that a phone heard. */
function level(phone: Phone, frequency: number): number {
  const { audio } = phone;
  const { end } = audio;
  return Math.sqrt(bestSine(audio.samples(end - 4000, end), frequency, 8000).power);
}

describe('a conference', () => {
  test('of 8 tones gives each of the 8 phones exactly the 7 others', async ({ lab }) => {
    const { events } = await house(lab);
    const tones = [300, 500, 700, 900, 1100, 1300, 1500, 1700];
    const phones = await dial(
      lab,
      tones.map((tone) => `p${tone}`),
    );
    for (const [i, phone] of phones.entries()) await phone.speak(sine(tones[i]!, -26));
    await lab.advance(2000);
    const full = 32_768 * 10 ** (-26 / 20);
    for (const [i, phone] of phones.entries())
      for (const [j, tone] of tones.entries()) {
        const share = level(phone, tone) / full;
        if (i === j)
          expect(share).toBeLessThan(0.05); // quantisation noise
        else expect(share).toBeCloseTo(1, 1);
      }
    for (const phone of phones) await phone.hangup();
    await lab.until(() => events.includes('talk ended: empty'));
    const comings = events.filter((event) => !event.endsWith('speaks'));
    expect(comings[0]).toBe('p300 joined, 1');
    expect(comings.slice(-2)).toEqual(['p1700 left, 0', 'talk ended: empty']);
  });

  test('is answered into, hears speech of one at the others, and keeps key presses to itself', async ({ lab }) => {
    const { room, calls, events } = await house(lab);
    const [alice, bob, carol] = (await dial(lab, ['alice', 'bob', 'carol'])) as [Phone, Phone, Phone];
    await Promise.all([alice.say('message.wav'), bob.hears('message.wav'), carol.hears('message.wav')]);
    expect(room().members.map(({ call, speaking }) => [call.fromUser, speaking])).toEqual([
      ['alice', true],
      ['bob', false],
      ['carol', false],
    ]);
    expect(room().speaker).toBe(calls.get('alice'));
    expect(events.filter((event) => event.endsWith('speaks'))).toEqual(['alice speaks']);
    await alice.press('5');
    await lab.advance(1000);
    expect(bob.digits).toBe('');
    await alice.hearsSilence(500);
    for (const phone of [alice, bob, carol]) await phone.hangup();
  });

  test('mutes, whispers, plays to all, and puts out who is removed', async ({ lab }) => {
    const { room, calls } = await house(lab);
    const [alice, bob, carol] = (await dial(lab, ['alice', 'bob', 'carol'])) as [Phone, Phone, Phone];
    const call = (name: string): DialogServerSession => calls.get(name)!;
    await alice.speak(sine(440));
    await bob.hearsTone(440);
    room().mute(call('alice'));
    expect(room().members[0]).toMatchObject({ muted: true });
    await bob.hearsSilence();
    expect(room().speaker).toBeUndefined();
    room().mute(call('alice'), false);
    room().whisper(call('alice'), call('carol'));
    await carol.hearsTone(440);
    await lab.advance(1000);
    await bob.hearsSilence();
    const announcement = room().play(new URL('../../prompts/goodbye.wav', import.meta.url));
    await Promise.all([bob.hears('goodbye.wav'), alice.hears('goodbye.wav')]);
    await expect(lab.run(announcement)).resolves.toMatchObject({ end: 'completed' });
    room().whisper(call('alice'), undefined);
    await bob.hearsTone(440);
    room().remove(call('bob'));
    await bob.hearsSilence();
    expect(bob.call?.state).toBe('up');
    expect(() => room().mute(call('bob'))).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_CONFERENCE' }));
    await room().add(call('bob'), { muted: true });
    await bob.hearsTone(440);
    for (const phone of [alice, bob, carol]) await phone.hangup();
  });

  test('has music for who is alone, and records what is heard in it', async ({ lab }) => {
    const { room } = await house(lab, { music: new URL('../../prompts/music.wav', import.meta.url) });
    const [alice] = (await dial(lab, ['alice'])) as [Phone];
    await alice.hears('music.wav', { ms: 2000 });
    const announcement = room().play(new URL('../../prompts/message.wav', import.meta.url));
    await alice.hears('message.wav');
    await lab.run(announcement);
    await alice.hears('music.wav', { ms: 2000 });
    const [bob] = (await dial(lab, ['bob'])) as [Phone];
    await lab.advance(500);
    await alice.hearsSilence(1000);
    const recording = room().record('room.wav');
    await bob.speak(sine(440));
    await lab.advance(2000);
    await lab.run(recording.close());
    const wav = readWav(await lab.files.read('room.wav'));
    if (!wav.ok) throw new Error(wav.error);
    expect(wav.value).toMatchObject({ channels: 1, sampleRate: 8000 });
    const samples = new Int16Array(wav.value.data.slice().buffer);
    expect(samples.length).toBeGreaterThan(14_000);
    const { power, rest } = bestSine(samples.subarray(8000, 12_000), 440, 8000);
    expect(power / rest).toBeGreaterThan(100);
    await bob.hangup();
    await alice.hears('music.wav', { ms: 2000 });
    await alice.hangup();
  });

  test('is full, closed or not for a call that is bridged', async ({ lab }) => {
    const { room, tandem, calls, events } = await house(lab, { maxMembers: 2, keepOpen: true });
    const [alice, bob] = (await dial(lab, ['alice', 'bob'])) as [Phone, Phone];
    const carol = lab.phone('carol');
    const refused = carol.invite('603');
    await lab.run(refused.settled);
    expect(refused.status).toBe(486);
    const other = tandem.conference('other');
    const joining = other.add(calls.get('alice')!);
    await expect(joining).rejects.toMatchObject({ code: 'ERR_STATE' });
    await expect(lab.run(other.ended)).resolves.toEqual({ reason: 'empty' });
    expect(tandem.conference('other')).not.toBe(other);
    await tandem.conference('other').close();
    await alice.hangup();
    await bob.hangup();
    await lab.advance(100);
    const open = room();
    expect(open.members).toEqual([]);
    expect(events.at(-1)).toBe('bob left, 0');
    await open.close();
    await expect(open.ended).resolves.toEqual({ reason: 'closed' });
    await expect(open.add(calls.get('alice')!)).rejects.toThrow();
    expect(() => tandem.conference('none', { maxMembers: 0 })).toThrow('maxMembers');
  });

  test('of 50 has the two who speak at 48 others, and nothing is left of it', async ({ lab }) => {
    const { events } = await house(lab);
    const phones = await dial(
      lab,
      Array.from({ length: 50 }, (_, i) => `p${i}`),
    );
    const [first, second, ...others] = phones as [Phone, Phone, ...Phone[]];
    others[0]!.goSilent();
    await first.speak(sine(440));
    await second.speak(sine(1000));
    await lab.advance(1000);
    for (const phone of others) {
      expect(level(phone, 440)).toBeGreaterThan(2500);
      expect(level(phone, 1000)).toBeGreaterThan(2500);
    }
    expect(level(first, 440)).toBeLessThan(100);
    expect(level(first, 1000)).toBeGreaterThan(2500);
    for (const phone of phones) await phone.hangup();
    await lab.until(() => events.includes('talk ended: empty'));
    expect(events.at(-1)).toBe('talk ended: empty');
  });

  test('stands back for what is played to one member alone', async ({ lab }) => {
    const { calls } = await house(lab);
    const [alice, bob] = (await dial(lab, ['alice', 'bob'])) as [Phone, Phone];
    await alice.speak(sine(440));
    await bob.hearsTone(440);
    const playing = calls
      .get('bob')!
      .playback()
      .play(new URL('../../prompts/goodbye.wav', import.meta.url));
    await bob.hears('goodbye.wav');
    await lab.run(playing);
    await bob.hearsTone(440);
    await alice.hearsSilence();
    await alice.hangup();
    await bob.hangup();
  });

  test('does not hear who has it on hold, and hears it again afterwards', async ({ lab }) => {
    const { room } = await house(lab);
    const [alice, bob] = (await dial(lab, ['alice', 'bob'])) as [Phone, Phone];
    await alice.speak(sine(440));
    await bob.hearsTone(440);
    await alice.hold();
    await bob.hearsSilence();
    await alice.resume();
    await alice.speak(sine(440));
    await bob.hearsTone(440);
    expect(room().members).toHaveLength(2);
    await alice.hangup();
    await bob.hangup();
  });

  test('goes on with the peer that takes the place of a member: muted and whispered to as before', async ({ lab }) => {
    const { room, calls } = await house(lab);
    const [alice, bob, carol] = (await dial(lab, ['alice', 'bob', 'carol'])) as [Phone, Phone, Phone];
    await lab.advance(100);
    const [first, second, third] = ['alice', 'bob', 'carol'].map((name) => calls.get(name)!);
    room().whisper(second!, first);
    const farewell = first!.takeOver(third!);
    await lab.run(farewell());
    await alice.ends();
    expect(room().members.map(({ call }) => call)).toEqual([first, second]);
    await bob.speak(sine(440));
    await carol.hearsTone(440);
    room().whisper(second!, undefined);
    await carol.speak(sine(700));
    await bob.hearsTone(700);
    await carol.hangup();
    await bob.hangup();
  });
});

describe('hold', () => {
  test('has music for the held, until it is taken off hold', async ({ lab }) => {
    const music = new URL('../../prompts/music.wav', import.meta.url);
    const calls: DialogServerSession[] = [];
    await lab.serve(async (incoming) => {
      calls.push(incoming);
      await incoming.answer();
      await incoming.ended;
    });
    const alice = lab.phone('alice');
    await alice.dial('1000');
    const [call] = calls as [DialogServerSession];
    await lab.until(() => call.state === 'confirmed');
    await lab.run(call.hold({ music }));
    await alice.hears('music.wav', { ms: 2000 });
    await lab.run(call.unhold());
    await lab.advance(100);
    await alice.hearsSilence();
    await lab.run(call.hold({ music: 'none.wav' }));
    await alice.hearsSilence();
    // Taken back before it was done.
    const held = call.hold({ music });
    await lab.run(call.unhold());
    await held;
    await lab.advance(100);
    await alice.hearsSilence();
    await alice.hangup();
  });
});
