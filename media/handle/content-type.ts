/** What a Content-Type, or the name of a file, says of audio. */
import type { AudioFormat, AudioType } from './types.ts';

const types: ReadonlyMap<string, AudioType> = new Map(
  Object.entries({
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
    'audio/ogg': 'audio/ogg',
    'application/ogg': 'audio/ogg',
    'audio/opus': 'audio/ogg',
    'audio/mpeg': 'audio/mpeg',
    'audio/mp3': 'audio/mpeg',
    'audio/x-mpeg': 'audio/mpeg',
    'audio/x-mp3': 'audio/mpeg',
  } as const),
);

const endings: ReadonlyMap<string, AudioType> = new Map(
  Object.entries({
    opus: 'audio/ogg',
    ogg: 'audio/ogg',
    oga: 'audio/ogg',
    mp3: 'audio/mpeg',
  } as const),
);

/** @param name a path or a URL. @returns `audio/wav` where its ending says nothing else */
export function audioTypeOfName(name: string): AudioType {
  const ending = /\.(\w{3,4})(?:[?#]|$)/.exec(name)?.[1]?.toLowerCase() ?? '';
  return endings.get(ending) ?? 'audio/wav';
}

/** @returns undefined for a type that says nothing of what we can play: `application/octet-stream`, say */
export function audioTypeOf(contentType: string): (AudioFormat & { readonly type: AudioType }) | undefined {
  const [name = '', ...parameters] = contentType.toLowerCase().split(';');
  const type = types.get(name.trim());
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
