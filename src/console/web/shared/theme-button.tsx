/** Goes round: as the system has it, light, dark. */
import { useState } from 'preact/hooks';
import { Icon } from './icon.tsx';
import { chooseTheme, type ThemeChoice, themeChoice } from './theme.ts';

const next = { system: 'light', light: 'dark', dark: 'system' } as const satisfies Record<ThemeChoice, ThemeChoice>;
const icons = { system: 'auto', light: 'sun', dark: 'moon' } as const;
const names = { system: 'as the system', light: 'light', dark: 'dark' } as const;

export function ThemeButton() {
  const [choice, setChoice] = useState(themeChoice);
  const label = `Colours: ${names[choice]}`;
  const turn = () => {
    chooseTheme(next[choice]);
    setChoice(next[choice]);
  };
  return (
    <button type="button" class="button bare square" aria-label={label} title={label} onClick={turn}>
      <Icon name={icons[choice]} />
    </button>
  );
}
