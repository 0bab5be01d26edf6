/** What differs in two transcripts of commands, and what of it may. */
import type { Transcript } from './dialog-commands.ts';

export interface Difference {
  readonly moment: string;
  readonly command: string;
  /** The line, or all of the answer where the two have not as many lines. */
  readonly real: string;
  readonly ours: string;
}

export function differences(real: Transcript, ours: Transcript): Difference[] {
  return real.flatMap(({ moment, command, answer }, index) => {
    const answered = ours[index]?.answer ?? '(not asked)';
    const other = command.includes('_ctx') ? withoutContext(answered) : answered;
    const [a, b] = [linesOf(answer), linesOf(other)];
    if (a.length !== b.length) return [{ moment, command, real: answer.trim(), ours: other.trim() }];
    return a.flatMap((line, at) => (line === b[at] ? [] : [{ moment, command, real: line, ours: b[at] ?? '' }]));
  });
}

/** Without the members that we add behind those of Kamailio. */
function withoutContext(answer: string): string {
  return answer.replaceAll(/^\tdirection: .*?(?=^\})/gms, '');
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim());
}

/**
 * The rows of the table under "Where the commands differ": command, Kamailio's line, ours, each between
 * back-quotes; nothing is `(nothing)`.
 */
export function permitted(markdown: string): readonly ((difference: Difference) => boolean)[] {
  const section = /^## Where the commands differ\n(.*?)(?=^## |(?![\s\S]))/ms.exec(markdown)?.[1] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|/gm)].map(
    ([, command = '', real = '', ours = '']) => {
      const text = (given: string): string => given || '(nothing)';
      return (difference) =>
        difference.command === command && text(difference.real) === real && text(difference.ours) === ours;
    },
  );
}

export function printed(transcript: Transcript): string {
  let last = '';
  return transcript
    .map(({ moment, command, answer }) => {
      const heading = moment === last ? '' : `# ${moment}\n`;
      last = moment;
      return `${heading}$ ${command}\n${answer}`;
    })
    .join('');
}
