/** What users of the package import from `tandem/testing`. What is not listed here is ours to change. */
export { LabError } from './errors.ts';
export { FakeClock } from './fake-clock.ts';
export { Lab, type LabHandler, type LabOptions, type LabTandemOptions, type PhoneOptions } from './lab.ts';
export { type FetchAnswer, MemoryFetch } from './memory-fetch.ts';
export { MemoryFiles } from './memory-files.ts';
export { Phone } from './phone/phone.ts';
export { seededRandom } from './seeded-random.ts';
