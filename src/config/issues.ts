/** What is wrong with a setting, in the words of the one who wrote it, and what would be right. Pure. */
import type { core } from 'zod';
import { nearestNames } from '../base/nearest.ts';
import { keysAt } from './json-schema.ts';

export type KeyPath = readonly (string | number)[];

export interface ConfigIssue {
  readonly path: KeyPath;
  readonly message: string;
  /** It is the key that is wrong, not what stands there. */
  readonly isKey?: boolean;
}

/** `routes[2].to.menu` */
export function printKey(path: KeyPath): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');
}

/** What nobody is shown: not even to say that it is wrong. @param key the path of a setting, or its last step */
export function isSecret(key: string): boolean {
  return /(^|\.)(password|ha1|pin|token|viewToken|secret|encryptionKey|encryption\.key|oldKeys|secretAccessKey|sessionToken|authorization|headers)$/.test(
    key,
  );
}

type Issue = core.$ZodIssue;

/** @param schema the JSON Schema of the file: which keys there are */
export function explained(issue: Issue, above: KeyPath, schema: () => unknown): ConfigIssue[] {
  const path: KeyPath = [...above, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        isKey: true,
        message: `unknown key${advice(key, keysAt(schema(), path))}`,
      }));
    case 'invalid_union': {
      const branches = issue.errors.filter((issues) => issues.length > 0);
      // The form that was meant is the one that the value at least has the type of.
      const meant = branches.filter((issues) => !issues.some((one) => one.code === 'invalid_type' && !one.path.length));
      const values = branches.flat().flatMap((one) => (one.code === 'invalid_value' ? one.values : []));
      const isOwn = issue.message !== 'Invalid input';
      const [first] = meant.length > 0 ? meant : isOwn ? [] : branches;
      // Where the union has words of its own, they are better than what one form says of a plain value.
      if (first && !(isOwn && first.every((one) => one.path.length === 0 && one.code === 'invalid_value')))
        return first.flatMap((one) => explained(one, path, schema));
      return [{ path, message: `${issue.message}${adviceFor(issue.input, values)}` }];
    }
    case 'invalid_key':
      return [{ path, isKey: true, message: issue.issues[0]?.message ?? issue.message }];
    case 'invalid_element':
      return issue.issues.flatMap((one) => explained(one, path, schema));
    case 'invalid_value':
      return [{ path, message: `expected ${orList(issue.values)}${adviceFor(issue.input, issue.values)}` }];
    case 'invalid_type':
      return [{ path, message: issue.input === undefined ? `is missing${kindOf(issue)}` : typed(issue) }];
    default:
      return [{ path, message: plain(issue.message) }];
  }
}

function kindOf(issue: Issue & { readonly code: 'invalid_type' }): string {
  return issue.expected === 'object' || issue.expected === 'record' ? ': expected settings by name' : '';
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'settings by name',
  record: 'settings by name',
  array: 'a list: write it in [ ], or with - before each',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  string: 'text: put it in quotes',
};

function typed(issue: Issue & { readonly code: 'invalid_type' }): string {
  if (!issue.message.startsWith('Invalid input')) return issue.message;
  return `expected ${typeNames[issue.expected] ?? issue.expected}`;
}

/** `Too small: expected number to be >=1` is how zod speaks. */
function plain(message: string): string {
  return message
    .replace(/^(Too (small|big)|Invalid input): /, '')
    .replace(/expected (\w+) to (be|have) /, 'expected ')
    .replace('>=1 items', 'one at least')
    .replace('>=1 characters', 'some text')
    .replace('>=', 'at least ')
    .replace('<=', 'at most ');
}

function orList(values: readonly unknown[]): string {
  const shown = values.map(String);
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

/** `; did you mean "queue"?`, else what there is. */
export function advice(word: string, names: readonly string[]): string {
  const near = nearestNames(word, names, 1);
  if (near.length > 0) return `: did you mean ${near[0]}?`;
  return names.length > 0 && names.length <= 40 ? `: there is ${names.join(', ')}` : '';
}

function adviceFor(input: unknown, values: readonly unknown[]): string {
  if (typeof input !== 'string') return '';
  const [near] = nearestNames(input, values.map(String), 1);
  return near === undefined ? '' : `: did you mean ${near}?`;
}
