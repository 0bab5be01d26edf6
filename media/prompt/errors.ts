/** What can be wrong with a prompt, in words for its owner. */
import { messageOf, TandemError } from '../../src/base/errors.ts';

export function audioFormatError(name: string, reason: string): TandemError {
  return new TandemError('ERR_AUDIO_FORMAT', `cannot play ${name}: ${reason}`, { facts: { source: name, reason } });
}

export function unknownCodecError(codec: { readonly name: string; readonly clockRate: number }): TandemError {
  const name = `${codec.name}/${codec.clockRate}`;
  return new TandemError('ERR_AUDIO_FORMAT', `cannot encode audio as ${name}: no such codec`, {
    facts: { codec: name },
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  EMFILE: 'too many open files',
};

export function fileError(path: string, cause: unknown): TandemError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = Object.hasOwn(reasons, code) ? reasons[code] : messageOf(cause);
  return new TandemError('ERR_FILE', `cannot read ${path}: ${reason}`, { cause, facts: { path } });
}

export function fetchError(url: string, cause: unknown): TandemError {
  if (cause instanceof TandemError && cause.code === 'ERR_FETCH') return cause;
  return new TandemError('ERR_FETCH', `cannot fetch ${url}: ${messageOf(cause)}`, { cause, facts: { url } });
}

export function closedError(): TandemError {
  return new TandemError('ERR_CLOSED', 'the prompt store is closed');
}
