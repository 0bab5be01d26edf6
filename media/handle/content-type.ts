/** What a Content-Type says of audio. */
import type { AudioFormat, AudioType } from './types.ts';

const types: Readonly<Record<string, AudioType>> = {
  'audio/wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/x-wav': 'audio/wav',
  'audio/vnd.wave': 'audio/wav',
  'audio/pcm': 'audio/pcm',
  'audio/x-pcm': 'audio/pcm',
  'audio/basic': 'audio/basic',
  'audio/mulaw': 'audio/basic',
  'audio/x-mulaw': 'audio/basic',
  'audio/pcmu': 'audio/basic',
};

/** @returns undefined for a type that says nothing of what we can play: `application/octet-stream`, say */
export function audioTypeOf(contentType: string): (AudioFormat & { readonly type: AudioType }) | undefined {
  const [name = '', ...parameters] = contentType.toLowerCase().split(';');
  const type = types[name.trim()];
  if (type === undefined) return undefined;
  const sampleRate = numberOf('rate', parameters);
  const channels = numberOf('channels', parameters);
  return {
    type,
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(channels === undefined ? {} : { channels }),
  };
}

function numberOf(name: string, parameters: readonly string[]): number | undefined {
  for (const parameter of parameters) {
    const [key, value = ''] = parameter.split('=');
    if (key?.trim() === name && /^"?\d{1,6}"?$/.test(value.trim())) return Number(value.trim().replaceAll('"', ''));
  }
  return undefined;
}
