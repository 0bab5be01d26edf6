/**
 * The tokens of a kamailio.cfg, with its comments gone and its simple directives done: `#!define`, `#!substdef`,
 * `#!ifdef`. What is not followed is told, with its line.
 */
export interface KamailioToken {
  readonly kind: 'name' | 'number' | 'string' | 'sign';
  readonly text: string;
  readonly line: number;
}

export interface Unfollowed {
  readonly line: number;
  readonly what: string;
}

/** Names that stand for one another may go round. */
const deepest = 16;

export function kamailioTokens(text: string): {
  readonly tokens: readonly KamailioToken[];
  readonly unfollowed: readonly Unfollowed[];
} {
  const directives = new Directives();
  const tokens: KamailioToken[] = [];
  for (const token of rawTokens(text)) {
    if (token.kind === 'directive') directives.run(token);
    else if (directives.isOn) tokens.push(...directives.expand(token));
  }
  return { tokens, unfollowed: directives.unfollowed };
}

class Directives {
  readonly unfollowed: Unfollowed[] = [];
  readonly #constants = new Map<string, string>();
  /** Those of `#!substdef` are replaced inside strings as well. */
  readonly #inStrings = new Set<string>();
  /** Whether each `#!ifdef` that is open holds. */
  readonly #conditions: boolean[] = [];

  get isOn(): boolean {
    return this.#conditions.every(Boolean);
  }

  run({ text, line }: RawToken): void {
    const [, name = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(text) ?? [];
    if (name === 'ifdef' || name === 'ifndef')
      this.#conditions.push(this.#constants.has(rest.trim()) === (name === 'ifdef'));
    else if (name === 'else') this.#conditions.push(!this.#conditions.pop());
    else if (name === 'endif') this.#conditions.pop();
    else if (name === 'ifexp') {
      this.#conditions.push(true);
      this.#leave(line, '#!ifexp is not evaluated: its lines are taken');
    } else if (!this.isOn) return;
    else if (name === 'define' || name === 'redefine' || name === 'trydef' || name === 'trydefine') {
      const [, constant = '', value = ''] = /^(\w+)\s*([\s\S]*)$/.exec(rest) ?? [];
      if (name.startsWith('try') && this.#constants.has(constant)) return;
      this.#constants.set(constant, value.trim());
    } else if (name === 'substdef' || name === 'substdefs') this.#substdef(rest, name === 'substdefs', line);
    else if (/^(subst|include_file|import_file|defenv|defenvs|trydefenv|trydefenvs|defexp|defexps)$/.test(name))
      this.#leave(line, `#!${name} is not followed`);
  }

  /** A constant becomes what it stands for. */
  expand(token: RawToken): KamailioToken[] {
    return this.#expand(token, 0);
  }

  #expand({ kind, text, line }: RawToken, depth: number): KamailioToken[] {
    if (kind === 'string') {
      let value = text;
      for (const name of this.#inStrings) value = value.replaceAll(name, () => this.#plain(name));
      return [{ kind, text: value, line }];
    }
    const value = kind === 'name' ? this.#constants.get(text) : undefined;
    const inner = value === undefined || depth === deepest ? [] : rawTokens(value);
    // Several names in one would double with each step.
    if (inner.length === 0 || (inner.length > 1 && inner.some((one) => one.kind === 'name')))
      return kind === 'directive' ? [] : [{ kind, text, line }];
    return inner.flatMap((one) => this.#expand({ ...one, line }, depth + 1));
  }

  #plain(name: string): string {
    return (this.#constants.get(name) ?? '').replace(/^"(.*)"$/, '$1');
  }

  /** `"!NAME!value!g"`, with any mark for the `!`. */
  #substdef(rest: string, quoted: boolean, line: number): void {
    const [, , name = '', value = ''] = /^"(.)(\w+)\1(.*)\1\w*"\s*$/.exec(rest.trim()) ?? [];
    if (name === '') {
      this.#leave(line, '#!substdef is not understood');
      return;
    }
    this.#constants.set(name, quoted ? `"${value}"` : value);
    this.#inStrings.add(name);
  }

  #leave(line: number, what: string): void {
    this.unfollowed.push({ line, what });
  }
}

interface RawToken {
  readonly kind: KamailioToken['kind'] | 'directive';
  readonly text: string;
  readonly line: number;
}

const pattern = new RegExp(
  [
    /(?<directive>^[ \t]*(?:#!|!!)(?:\\\r?\n|[^\n])*)/,
    /(?<comment>#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|(?![\s\S])))/,
    /(?<string>"(?:\\[\s\S]|[^"\\])*"|'[^']*')/,
    /(?<number>0x[0-9a-fA-F]+|\d+)(?!\w)/,
    /(?<name>\w+)/,
    /(?<sign>[^\s\w])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gm',
);

function rawTokens(text: string): RawToken[] {
  const tokens: RawToken[] = [];
  let line = 1;
  let counted = 0;
  for (const { groups = {}, index } of text.matchAll(pattern)) {
    for (; counted < index; counted++) if (text.charCodeAt(counted) === 10) line++;
    const { directive, string, number, name, sign } = groups;
    if (directive !== undefined)
      tokens.push({
        kind: 'directive',
        text: directive
          .trim()
          .slice(2)
          .replace(/\\\r?\n/g, ' '),
        line,
      });
    else if (string !== undefined) {
      const inner = string.slice(1, -1);
      tokens.push({ kind: 'string', text: string.startsWith('"') ? unescaped(inner) : inner, line });
    } else if (number !== undefined) tokens.push({ kind: 'number', text: number, line });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name, line });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, line });
  }
  return tokens;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', '"': '"', '\\': '\\' };

function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|\r?\n|[\s\S])/g, (whole, escaped: string) => {
    if (escaped.length === 3 && escaped.startsWith('x'))
      return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /^\r?\n$/.test(escaped) ? '' : (escapes[escaped] ?? whole);
  });
}
