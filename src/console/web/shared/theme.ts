/** Light or dark: the system's choice unless the user made one. theme-early.js applies it before the first paint. */
export type ThemeChoice = 'system' | 'light' | 'dark';

const key = 'tandem-theme';

export function themeChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(key);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system';
  }
}

export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, choice);
  } catch {
    // Storage is refused: nothing to remember it in.
  }
  dispatchEvent(new Event('tandem-theme-chosen'));
}

/** @returns how to stop being told that the page turned light or dark. */
export function onTheme(listener: () => void): () => void {
  addEventListener('tandem-theme', listener);
  return () => removeEventListener('tandem-theme', listener);
}

/** The value of a token of tokens.css as it is now, for canvases. */
export function token(name: `--${string}`): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
