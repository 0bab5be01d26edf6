import { expect, it } from 'vitest';
import { workerEntry } from '../../../media/host/worker-entry.ts';

it('finds a worker entry beside its caller, with the extension of the caller', () => {
  expect(workerEntry('file:///a/media/x.ts', 'entry').href).toBe('file:///a/media/entry.ts');
  expect(workerEntry('file:///a/dist/media/x.js?v=1', '../host/entry').href).toBe('file:///a/dist/host/entry.js');
});
