/** What settings of several sections are made of. */
import { z } from 'zod';
import { listOf } from '../routes/schedule.ts';
import type { Prompt } from '../routes/target.ts';

type Parse = (text: string) => { readonly ok: boolean; readonly error?: string };

export const milliseconds = z.int().min(0).max(86_400_000);
/** YAML takes digits for a number, and forgets the zeros in front. */
export const quoted = z.string('expected text: put it in quotes');
export const text = quoted.min(1);
export const name = z
  .string()
  .regex(/^[\p{L}\p{N}_][\p{L}\p{N}_.+-]{0,63}$/u, 'a name has letters, digits and . + - _')
  .refine((one) => !one.includes('..'), 'a name has no .. in it');

/** Text or texts, each looked at by a parser that says what is wrong. */
export const texts = (parse: Parse, commas = false) => {
  const check = (given: string | readonly string[], ctx: z.RefinementCtx): void => {
    for (const one of commas ? listOf(given) : typeof given === 'string' ? [given] : given) {
      const parsed = parse(one);
      if (!parsed.ok) ctx.addIssue({ code: 'custom', message: parsed.error ?? 'is not valid' });
    }
  };
  return z.union([text, z.array(text).min(1)]).superRefine(check);
};

/** A text that a parser looks at. */
export function complain(parse: Parse) {
  return (given: string, ctx: z.RefinementCtx): void => {
    const parsed = parse(given);
    if (!parsed.ok) ctx.addIssue({ code: 'custom', message: parsed.error ?? 'is not valid' });
  };
}

const promptItem = z.union([
  text,
  z.strictObject({
    say: text.describe('a text, said by text to speech'),
    language: text.optional().describe('as en-GB'),
    voice: text.optional(),
  }),
]);
export const prompt: z.ZodType<Prompt, Prompt> = z
  .union([...promptItem.options, z.array(promptItem).min(1)])
  .describe('a file, builtin:welcome and others that are shipped, a text as { say: Hello }, or a list of them');
