/**
 * Extended regular expressions of POSIX (IEEE 1003.1 §9.4), without regard to case, as `regcomp` of glibc takes them with
 * `REG_EXTENDED | REG_ICASE | REG_NEWLINE`. All states are followed at once (Thompson's construction), so that no
 * pattern takes more time than its size times the length of the text. Back-references are refused: they would.
 */
import { fail, ok, type Result } from '../../base/errors.ts';

/** Of a compiled pattern; `{n,m}` is written out. The longest URI is done in less than 20 ms then. */
const mostSteps = 256;
const longestPattern = 512;
const mostRepeats = 255;
const deepest = 32;

/** Takes one character, as its lower and its upper case. */
type Takes = (lower: string, upper: string) => boolean;
/** Takes none: asks what is before and behind this place. */
type Holds = (before: string | undefined, behind: string | undefined) => boolean;

type Step =
  | { readonly kind: 'take'; readonly takes: Takes }
  | { readonly kind: 'hold'; readonly holds: Holds }
  | { readonly kind: 'fork'; readonly a: number; readonly b: number }
  | { readonly kind: 'go'; readonly to: number }
  | { readonly kind: 'found' };

/** Steps in a row, with targets that are relative to the place where they begin. */
type Program = readonly Step[];

export interface PosixRegex {
  /** Whether it is found anywhere in the text. */
  test(text: string): boolean;
}

export function posixRegex(pattern: string): Result<PosixRegex> {
  if (pattern.length > longestPattern) return fail(`the pattern is longer than ${longestPattern} characters`);
  try {
    return ok(new Matcher([...new Parser(pattern).parse(), { kind: 'found' }]));
  } catch (error) {
    if (error instanceof PatternError) return fail(error.message);
    throw error;
  }
}

class PatternError extends Error {}

class Matcher implements PosixRegex {
  readonly #program: Program;
  /** In which round a step was reached last. */
  readonly #seen: Uint32Array;
  readonly #open: number[] = [];
  #round = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#seen = new Uint32Array(program.length);
  }

  test(text: string): boolean {
    const taken: number[] = [];
    let reached: number[] = [];
    for (let at = 0; at <= text.length; at++) {
      const character = text[at];
      this.#nextRound();
      // It may begin at any place.
      reached.push(0);
      taken.length = 0;
      for (const step of reached) if (this.#follow(step, text[at - 1], character, taken)) return true;
      if (character === undefined) return false;
      const [lower, upper] = [character.toLowerCase(), character.toUpperCase()];
      reached = [];
      for (const place of taken) {
        const step = this.#program[place] as Step;
        if (step.kind === 'take' && step.takes(lower, upper)) reached.push(place + 1);
      }
    }
    return false;
  }

  #nextRound(): void {
    if (this.#round === 0xffff_ffff) {
      this.#seen.fill(0);
      this.#round = 0;
    }
    this.#round++;
  }

  /** Adds the steps that take a character. @returns whether the end of the pattern is reached */
  #follow(from: number, before: string | undefined, behind: string | undefined, taken: number[]): boolean {
    const open = this.#open;
    open.length = 0;
    open.push(from);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (this.#seen[at] === this.#round) continue;
      this.#seen[at] = this.#round;
      const step = this.#program[at] as Step;
      if (step.kind === 'found') return true;
      if (step.kind === 'take') taken.push(at);
      else if (step.kind === 'go') open.push(at + step.to);
      else if (step.kind === 'fork') open.push(at + step.a, at + step.b);
      else if (step.holds(before, behind)) open.push(at + 1);
    }
    return false;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Program {
    const program = this.#alternatives();
    if (this.#at < this.#text.length) throw new PatternError('unmatched )');
    return program;
  }

  #alternatives(): Program {
    let program = this.#sequence();
    while (this.#text[this.#at] === '|') {
      this.#at++;
      const other = this.#sequence();
      program = bounded([
        { kind: 'fork', a: 1, b: program.length + 2 },
        ...program,
        { kind: 'go', to: other.length + 1 },
        ...other,
      ]);
    }
    return program;
  }

  #sequence(): Program {
    const program: Step[] = [];
    for (let next = this.#text[this.#at]; next !== undefined && next !== '|'; next = this.#text[this.#at]) {
      // Without a ( before it, it means itself.
      if (next === ')' && this.#depth > 0) break;
      program.push(...this.#repeated());
      bounded(program);
    }
    return program;
  }

  #atom(): Program {
    const character = this.#text[this.#at++] as string;
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return [{ kind: 'take', takes: this.#bracket() }];
      case '.':
        return [{ kind: 'take', takes: (lower) => lower !== '\n' }];
      case '^':
        return [{ kind: 'hold', holds: (before) => before === undefined || before === '\n' }];
      case '$':
        return [{ kind: 'hold', holds: (_, behind) => behind === undefined || behind === '\n' }];
      case '\\':
        return [this.#escaped()];
      case '*':
      case '+':
      case '?':
      case '{':
        throw new PatternError(`nothing to repeat before ${character}`);
      default:
        return [{ kind: 'take', takes: literal(character) }];
    }
  }

  #group(): Program {
    if (++this.#depth > deepest) throw new PatternError(`groups are more than ${deepest} deep`);
    const program = this.#alternatives();
    if (this.#text[this.#at] !== ')') throw new PatternError('unmatched (');
    this.#at++;
    this.#depth--;
    return program;
  }

  #escaped(): Step {
    const character = this.#text[this.#at++];
    if (character === undefined) throw new PatternError('trailing backslash');
    if (/[1-9]/.test(character)) throw new PatternError('back-references are not taken');
    const step = gnuEscapes[character];
    return step ?? { kind: 'take', takes: literal(character) };
  }

  #repeated(): Program {
    const isGroup = this.#text[this.#at] === '(';
    let program = this.#atom();
    const isPlace = !isGroup && program[0]?.kind === 'hold';
    for (;;) {
      const bounds = this.#bounds();
      if (!bounds) return program;
      if (isPlace) throw new PatternError('a place in the text cannot be repeated');
      program = repeat(program, ...bounds);
    }
  }

  /** `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, `{,m}`; Infinity is no bound. */
  #bounds(): readonly [least: number, most: number] | undefined {
    const simple = ({ '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] } as const)[this.#text[this.#at] ?? ''];
    if (simple) {
      this.#at++;
      return simple;
    }
    if (this.#text[this.#at] !== '{') return undefined;
    const found = /^\{(\d*)(,?)(\d*)\}/.exec(this.#text.slice(this.#at, this.#at + 16));
    if (!found || (found[1] === '' && found[2] === '')) throw new PatternError('a malformed {n,m}');
    this.#at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === '' ? least : found[3] === '' ? Infinity : Number(found[3]);
    if (least > mostRepeats || (most > mostRepeats && most !== Infinity) || least > most)
      throw new PatternError(`a repetition beyond ${mostRepeats}`);
    return [least, most];
  }

  /** Behind a `[`. */
  #bracket(): Takes {
    const negated = this.#text[this.#at] === '^';
    if (negated) this.#at++;
    const parts: Takes[] = [];
    for (let first = true; first || this.#text[this.#at] !== ']'; first = false) parts.push(this.#bracketPart());
    this.#at++;
    const any: Takes = (lower, upper) => parts.some((part) => part(lower, upper));
    return negated ? (lower, upper) => lower !== '\n' && !any(lower, upper) : any;
  }

  #bracketPart(): Takes {
    const named = /^\[([:=.])(.*?)\1\]/s.exec(this.#text.slice(this.#at));
    if (named?.[1] === ':') {
      const test = classes.get(named[2] as string);
      if (!test) throw new PatternError(`no such class of characters: ${named[2]}`);
      this.#at += named[0].length;
      return (lower, upper) => test.test(lower) || test.test(upper);
    }
    const from = this.#bracketEnd();
    const isRange = this.#text[this.#at] === '-' && (this.#text[this.#at + 1] ?? ']') !== ']';
    if (!isRange) return literal(from);
    this.#at++;
    const to = this.#bracketEnd();
    if (from > to) throw new PatternError(`the range ${from}-${to} is empty`);
    const within = (character: string): boolean => character >= from && character <= to;
    return (lower, upper) => within(lower) || within(upper);
  }

  /** One character of a bracket, perhaps as `[.x.]` or `[=x=]`. */
  #bracketEnd(): string {
    const named = /^\[([=.])(.)\1\]/s.exec(this.#text.slice(this.#at, this.#at + 5));
    const character = named?.[2] ?? this.#text[this.#at];
    if (character === undefined) throw new PatternError('unmatched [');
    this.#at += named?.[0].length ?? 1;
    return character;
  }
}

const classes: ReadonlyMap<string, RegExp> = new Map(
  Object.entries({
    alnum: /[A-Za-z0-9]/,
    alpha: /[A-Za-z]/,
    blank: /[ \t]/,
    cntrl: /\p{Cc}/u,
    digit: /[0-9]/,
    graph: /[!-~]/,
    lower: /[a-z]/,
    print: /[ -~]/,
    punct: /[!-/:-@[-`{-~]/,
    space: /[ \t\n\v\f\r]/,
    upper: /[A-Z]/,
    xdigit: /[0-9A-Fa-f]/,
  }),
);

const isWord = (character: string | undefined): boolean => character !== undefined && /\w/.test(character);
const isSpace = (character: string): boolean => /\s/.test(character);

/** What glibc takes beyond POSIX. */
const gnuEscapes: Readonly<Record<string, Step>> = {
  w: { kind: 'take', takes: isWord },
  W: { kind: 'take', takes: (lower) => !isWord(lower) },
  s: { kind: 'take', takes: isSpace },
  S: { kind: 'take', takes: (lower) => !isSpace(lower) },
  b: { kind: 'hold', holds: (before, behind) => isWord(before) !== isWord(behind) },
  B: { kind: 'hold', holds: (before, behind) => isWord(before) === isWord(behind) },
  '<': { kind: 'hold', holds: (before, behind) => !isWord(before) && isWord(behind) },
  '>': { kind: 'hold', holds: (before, behind) => isWord(before) && !isWord(behind) },
  '`': { kind: 'hold', holds: (before) => before === undefined },
  "'": { kind: 'hold', holds: (_, behind) => behind === undefined },
};

function literal(character: string): Takes {
  const wanted = character.toLowerCase();
  return (lower) => lower === wanted;
}

function repeat(program: Program, least: number, most: number): Program {
  const steps: Step[] = [];
  for (let i = 0; i < least; i++) steps.push(...bounded([...steps, ...program]).slice(steps.length));
  if (most === Infinity)
    steps.push({ kind: 'fork', a: 1, b: program.length + 2 }, ...program, { kind: 'go', to: -program.length - 1 });
  else
    for (let left = most - least; left > 0; left--) {
      // Whoever goes on without it goes on behind all of them.
      steps.push({ kind: 'fork', a: 1, b: left * (program.length + 1) }, ...program);
      bounded(steps);
    }
  return bounded(steps);
}

function bounded(steps: Step[]): Step[] {
  if (steps.length > mostSteps) throw new PatternError('the pattern is too large');
  return steps;
}
