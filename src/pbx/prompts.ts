/** Prompts that are put together of those that are shipped. */
import type { PlayItem } from '../../media/index.ts';

/** Path of a prompt, by its name. */
export type Prompts = (name: string) => string;

/** The digits of a number, one by one. */
export function digitPrompts(prompt: Prompts, digits: string): PlayItem[] {
  return [...digits].filter((digit) => /\d/.test(digit)).map((digit) => prompt(`digits/${digit}`));
}

/** "You are number 12": one prompt, and the number. */
export function numberPrompt(prompt: Prompts, name: string, number: number): PlayItem[] {
  return [prompt(name), ...digitPrompts(prompt, String(number))];
}
