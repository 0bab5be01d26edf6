/** Greetings in the voices of espeak-ng: who has answered? */
import { describe, expect, it } from 'vitest';
import { resample } from '../../../media/audio/index.ts';
import { espeakNg } from '../../../src/base/node-espeak.ts';
import { beep, told } from '../../media/analysis/answers.ts';
import { companded, join, limited, silence, withNoise } from '../../media/analysis/signals.ts';

const voices = ['en-us', 'en-gb', 'en-us+f3', 'en-us+m3', 'en-gb+f2', 'de', 'fr', 'es'];

const people: Readonly<Record<string, readonly string[]>> = {
  en: ['Hello?', 'Hello, who is there?', 'Yes?', 'Good morning, Smith speaking.', 'Hi, this is John.'],
  de: ['Hallo?', 'Ja bitte?', 'Müller, guten Tag.', 'Hallo, wer ist da?', 'Schmidt.'],
  fr: ['Allô?', 'Oui, allô?', 'Bonjour.', 'Allô, qui est là?', 'Oui, bonjour, Dupont.'],
  es: ['¿Diga?', '¿Hola?', 'Sí, dígame.', 'Hola, soy Juan.', '¿Quién es?'],
};

const machines: Readonly<Record<string, readonly string[]>> = {
  en: [
    'You have reached the voice mail of John Smith. Please leave a message after the tone.',
    'Hi, this is Mary. I cannot come to the phone right now. Leave your name and number, and I will call you back.',
    'The person you are calling is not available. Please record your message after the beep.',
    'Thank you for calling. Our office is closed. We are open Monday to Friday, from nine to five.',
    'Hello. We are not at home at the moment. Please call again later, or leave us a message.',
  ],
  de: [
    'Sie haben die Nummer von Familie Müller gewählt. Bitte hinterlassen Sie eine Nachricht nach dem Signalton.',
    'Der gewünschte Gesprächspartner ist zur Zeit nicht erreichbar. Bitte sprechen Sie nach dem Ton.',
    'Guten Tag. Unser Büro ist im Moment nicht besetzt. Wir rufen Sie gerne zurück.',
  ],
  fr: [
    'Vous êtes bien chez Marie Dupont. Je ne suis pas disponible, laissez un message après le bip sonore.',
    'Bonjour, nos bureaux sont actuellement fermés. Merci de rappeler du lundi au vendredi.',
  ],
  es: [
    'Ha llamado a casa de Juan García. Ahora no puedo atenderle, deje su mensaje después de la señal.',
    'El teléfono al que llama no está disponible en este momento. Por favor, deje su mensaje.',
  ],
};

const tts = espeakNg();

async function spoken(text: string, voice: string): Promise<Float64Array> {
  const { sampleRate, audio } = await tts.synthesize(text, { voice, signal: new AbortController().signal });
  const samples: number[] = [];
  for await (const chunk of audio) samples.push(...chunk);
  return Float64Array.from(resample(Int16Array.from(samples), sampleRate, 8000));
}

const cases = (texts: Readonly<Record<string, readonly string[]>>): (readonly [string, string])[] =>
  voices.flatMap((voice) => (texts[voice.slice(0, 2)] ?? []).map((text) => [voice, text] as const));

/** On the line: noise, and G.711. @param seed of the noise */
const heard = (parts: readonly Float64Array[], seed: number): Int16Array =>
  companded(limited(withNoise(join(...parts), -55, seed)), 'PCMU');

describe('who has answered, with greetings of espeak-ng', () => {
  it('is a person, at nine of ten', async () => {
    const all = cases(people);
    const missed: string[] = [];
    for (const [seed, [voice, text]] of all.entries()) {
      const [verdict] = told(heard([silence(600), await spoken(text, voice), silence(3000)], seed));
      if (verdict?.verdict !== 'human') missed.push(`${voice}: ${text} (${verdict?.verdict})`);
    }
    expect(missed.length, missed.join('\n')).toBeLessThanOrEqual(all.length / 10);
  }, 120_000);

  it('is a machine, at nine of ten, and its beep is found', async () => {
    const all = cases(machines);
    const missed: string[] = [];
    const beeps: string[] = [];
    for (const [seed, [voice, text]] of all.entries()) {
      const greeting = [silence(600), await spoken(text, voice), silence(700)];
      const beepAt = greeting.reduce((sum, part) => sum + part.length, 0) / 8;
      const [verdict, end] = told(heard([...greeting, beep([850, 1000, 1400][seed % 3]!, 400), silence(2000)], seed));
      if (verdict?.verdict !== 'machine') missed.push(`${voice}: ${text} (${verdict?.verdict})`);
      else if (end?.type !== 'beep' || Math.abs(end.at - end.ago - beepAt) > 60) beeps.push(`${voice}: ${text}`);
    }
    expect(missed.length, missed.join('\n')).toBeLessThanOrEqual(all.length / 10);
    expect(beeps.length, beeps.join('\n')).toBeLessThanOrEqual(all.length / 20);
  }, 120_000);
});
