/** What the ready-made server does where nobody says anything else. */

/** As they may be written in the file. */
export function defaultRoutes() {
  return [
    { called: '1000', to: { menu: 'main' } },
    { called: '1003', to: { service: 'music' as const } },
    { called: '600', to: { service: 'echo' as const } },
    { called: '601', to: { service: 'file' as const } },
    { called: '602', to: { service: 'record' as const } },
    { called: ['60[3-9]', '6[1-9]X'], to: { conference: '$0' } },
    { called: '*', to: { user: '$0' } },
  ];
}

/** As they may be written in the file. */
export function defaultMenus() {
  return {
    main: {
      prompt: 'builtin:welcome',
      keys: {
        '1': { play: 'builtin:message' },
        '2': { service: 'record' as const },
        '3': { service: 'echo' as const, prompt: 'builtin:echo', until: '#' },
        '4': { conference: '603' },
        '#': 'end' as const,
      },
      timeout: 5_000,
      interDigitTimeout: 3_000,
      repeats: 2,
      invalid: 'builtin:wrong-input',
      noInput: 'builtin:no-input',
      end: { play: 'builtin:goodbye' },
    },
  };
}
