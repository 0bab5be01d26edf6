import { expect, it } from 'vitest';
import { audioTypeOf, audioTypeOfName } from '../../media/handle/content-type.ts';

it('a Content-Type says what is played, and nothing where nobody knows it', () => {
  expect(audioTypeOf('Audio/Wave; rate="16000"; channels=2')).toEqual({
    type: 'audio/wav',
    sampleRate: 16_000,
    channels: 2,
  });
  for (const unknown of ['application/octet-stream', '', ';', 'constructor', '__proto__'])
    expect(audioTypeOf(unknown)).toBeUndefined();
});

it('the ending of a name does, too', () => {
  expect(audioTypeOfName('http://x/a.MP3?b=1')).toBe('audio/mpeg');
  expect(audioTypeOfName('a.constructor')).toBe('audio/wav');
});
