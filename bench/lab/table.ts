/** Markdown tables, and the file that keeps them. */
import { readFile, writeFile } from 'node:fs/promises';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

export function printTable({ title, head, rows, notes }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(head),
    line(head.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : []),
    '',
  ].join('\n');
}

/** Rounded to what the measurement is good for. */
export function figure(value: number | undefined, digits = 2): string {
  if (value === undefined || Number.isNaN(value)) return 'n/a';
  return value.toFixed(digits);
}

export function ratio(value: number | undefined, reference: number | undefined): string {
  if (value === undefined || !reference) return 'n/a';
  return `${(value / reference).toFixed(2)} ×`;
}

const title = '# Measured figures\n';

/** Puts `body` under the heading `## name` of a file, in place of what was there, and leaves the other sections. */
export async function writeSection(file: URL, name: string, body: string): Promise<void> {
  const before = await readFile(file, 'utf8').catch(() => title);
  const [top = title, ...sections] = before.split(/^(?=## )/m);
  const section = `## ${name}\n\n${body}`;
  const index = sections.findIndex((text) => text.startsWith(`## ${name}\n`));
  if (index >= 0) sections[index] = section;
  else sections.push(section);
  await writeFile(file, `${[top, ...sections].map((text) => text.trim()).join('\n\n')}\n`);
}
