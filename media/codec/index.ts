export { type AudioCodec, frameBytes, frameSamples } from './codec.ts';
export { pcma, pcmu } from './g711.ts';
export { l16 } from './l16.ts';
export { codecFor } from './registry.ts';
