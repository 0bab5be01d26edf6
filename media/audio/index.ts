export { type CompressedDecoder, decodeWhole } from './compressed.ts';
export { type CompressedType, isCompressed, openDecoder } from './open-decoder.ts';
export { clamp16, mixToMono, rmsLevel } from './pcm.ts';
export { Resampler, resample } from './resample.ts';
export { sine, type Tone, ToneGenerator, tones } from './tone.ts';
export { readWav, type WavFile, wavHeader, wavHeaderBytes } from './wav.ts';
export { decodePcm, decodeUlaw, decodeWav, type MonoAudio } from './wav-decode.ts';
