import { describe, expect, it } from 'vitest';
import { defaultMachineSettings, MachineDetector } from '../../../media/analysis/machine-detector.ts';
import { answer, beep, phrase, score, told } from './answers.ts';
import { frames, join, limited, silence } from './signals.ts';
import { Speaker } from './speech.ts';

describe('who has answered', () => {
  it('is told of 80 answers', () => {
    const { humans, machines, beeps } = score(1, 40);
    expect(humans.length, humans.join()).toBeLessThanOrEqual(4);
    expect(machines.length, machines.join()).toBeLessThanOrEqual(4);
    expect(beeps.length, beeps.join()).toBeLessThanOrEqual(1);
  });

  it('is a fax by its tones', () => {
    for (const tone of [beep(2100, 3000), join(beep(1100, 500), silence(3000))]) {
      const [verdict] = told(limited(join(silence(700), tone)));
      expect(verdict).toMatchObject({ verdict: 'fax', cause: 'tone' });
    }
  });

  it('is a machine when there is a beep at once, and that is the one to speak after', () => {
    const events = told(limited(join(silence(1000), beep(1000, 300), silence(1000), beep(1000, 300), silence(500))));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'verdict', verdict: 'machine', cause: 'beep' });
    expect(Math.abs(events[0]!.at - events[0]!.ago - 1000)).toBeLessThanOrEqual(40);
  });

  it('stays unknown in silence', () => {
    expect(told(limited(silence(10_000)))).toMatchObject([{ verdict: 'unknown', cause: 'silence', decidedMs: 4000 }]);
  });

  it('stays unknown when nothing is clear in time', () => {
    const hesitant = join(silence(3000), phrase(new Speaker(3), 700), silence(3000));
    expect(told(limited(hesitant), { decisionMs: 3500 })).toMatchObject([{ verdict: 'unknown', cause: 'timeout' }]);
  });

  it('a machine that does not beep is waited for until it is quiet, or too long', () => {
    const greeting = phrase(new Speaker(5), 4000);
    const quiet = told(limited(join(greeting, silence(9000))));
    expect(quiet.map(({ type }) => type)).toEqual(['verdict', 'over']);
    expect(Math.abs(quiet[1]!.at - 10_000)).toBeLessThan(300);
    const endless = told(limited(phrase(new Speaker(5), 20_000)), { beepMs: 5000 });
    expect(endless[1]!.at - endless[0]!.at).toBe(5000);
    expect(told(limited(greeting), { beepMs: 0 })).toHaveLength(1);
  });

  it('goes on from a copy of the state', () => {
    const { audio, beepAt } = answer('machine', 7);
    let detector = new MachineDetector(defaultMachineSettings);
    const events: string[] = [];
    for (const frame of frames(audio)) {
      const event = detector.frame(frame, true);
      if (event) events.push(event.type);
      detector = new MachineDetector(defaultMachineSettings, structuredClone(detector.state));
    }
    expect(events).toEqual(['verdict', 'beep']);
    expect(beepAt).toBeGreaterThan(3000);
  });
});
