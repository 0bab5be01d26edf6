import { expect, it } from 'vitest';
import { ownModule } from '../../src/base/own-module.ts';

it('finds a worker entry beside its caller, with the extension of the caller', () => {
  expect(ownModule('file:///a/media/x.ts', 'entry').href).toBe('file:///a/media/entry.ts');
  expect(ownModule('file:///a/dist/media/x.js?v=1', '../host/entry').href).toBe('file:///a/dist/host/entry.js');
});
