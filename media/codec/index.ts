export { type AudioCodec, bytesFor, frameBytes, frameTicks, samplesIn, sampleTime } from './codec.ts';
export { Coders } from './coders.ts';
export { pcma, pcmu } from './g711.ts';
export { g722 } from './g722.ts';
export { l16 } from './l16.ts';
export { loadOpus, opusInstalled } from './opus-library.ts';
export { type CodecFormat, codecFor, coderRate, opusRateFor, payloadKey, sampleRateOf } from './registry.ts';
