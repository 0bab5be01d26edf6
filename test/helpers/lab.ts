/** The lab in vitest: `test` gives each test one of its own, and `expect` knows what phones hear. */
import { test as base, expect } from 'vitest';
import { type LabMatchers, type LabOptions, labFixture, labMatchers } from '../../src/testing/index.ts';

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends LabMatchers {}
}

expect.extend(labMatchers);

export const prompts = new URL('../../prompts/', import.meta.url);

export const labTest = (options: LabOptions = {}) => base.extend(labFixture({ sounds: prompts, ...options }));

export const test = labTest();
export { expect };
