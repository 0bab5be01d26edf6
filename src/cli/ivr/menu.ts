/** Menus: a prompt, keys that lead somewhere, and an end for who chooses nothing. */
import type { MenuConfig } from '../../config/system-schema.ts';
import type { DialogServerSession } from '../../index.ts';
import type { Prompt, Target } from '../../routes/target.ts';
import { MenuKeys } from './keys.ts';
import { done, type Outcome, over } from './outcome.ts';
import type { Prompts } from './prompts.ts';
import { pickUp } from './services.ts';

export interface MenuPorts {
  readonly menus: Readonly<Record<string, MenuConfig>>;
  readonly prompts: Prompts;
  readonly go: (target: Target) => Promise<Outcome>;
  /** A number that was dialled in a menu. */
  readonly dial: (number: string) => Promise<Outcome>;
}

/** Menus that `back` leads through. */
const deepest = 32;

/** @returns when the call goes on nowhere from here */
export async function runMenu(call: DialogServerSession, name: string, ports: MenuPorts): Promise<Outcome> {
  const { menus, prompts, go, dial } = ports;
  const path = [name];
  let failures = 0;
  let hint: Prompt | undefined;
  const enter = (menu: string): void => {
    path.push(menu);
    if (path.length > deepest) path.shift();
  };
  await pickUp(call);
  for (;;) {
    const menu = menus[path.at(-1) as string] as MenuConfig;
    if (failures > menu.repeats) return end(await go(menu.end));
    if (hint !== undefined) await prompts.play(call, hint, menu.language);
    hint = undefined;
    const keys = new MenuKeys(menu);
    const source = prompts.source(menu.prompt, menu.language);
    const choice = (await prompts.without(() => keys.ask(call, source))) ?? (await keys.ask(call));
    if (choice.what === 'nothing' || choice.what === 'wrong') {
      failures++;
      hint = choice.what === 'wrong' ? menu.invalid : menu.noInput;
      continue;
    }
    const action = choice.what === 'key' ? choice.action : undefined;
    if (action === 'end') return end(await go(menu.end));
    if (action === 'back' && path.length > 1) path.pop();
    else if (typeof action === 'object' && action.menu !== undefined) enter(action.menu);
    else if (action === undefined || typeof action === 'object') {
      const outcome = choice.what === 'number' ? await dial(choice.number) : await go(action as Target);
      if (outcome.end === 'over') return over;
      if (outcome.end !== 'done') {
        failures++;
        hint = outcome.end === 'failed' ? 'builtin:not-available' : menu.invalid;
        continue;
      }
    }
    failures = 0;
  }
}

/** Behind its end a menu does not go on. */
function end({ end: how }: Outcome): Outcome {
  return how === 'done' ? done : over;
}
