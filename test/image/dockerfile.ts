/** The instructions of a Dockerfile, as far as ours uses them: for a machine on which no engine runs. */

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  readonly text: string;
}

/** What `RUN` and the command see. */
export type Environment = Record<string, string>;

export function parseDockerfile(source: string): Instruction[] {
  const lines = source.split('\n').filter((line) => !/^\s*#/.test(line));
  return lines
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const match = /^([A-Z]+)\s+(.+)$/.exec(line.trim());
      return match ? [{ name: match[1] ?? '', text: (match[2] ?? '').trim() }] : [];
    });
}

/** `A=b C="d e"`, with `$NAME` of what is set already. */
export function pairsOf(text: string, known: Environment): Environment {
  const pairs = [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g)];
  return Object.fromEntries(pairs.map(([, name = '', quoted, bare]) => [name, expand(quoted ?? bare ?? '', known)]));
}

export function expand(text: string, known: Environment): string {
  return text.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => known[name] ?? '');
}
