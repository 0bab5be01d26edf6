// Before the first paint, so that a dark page does not begin white. Not a module for that reason.
(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem('tandem-theme');
    } catch {
      // Storage is refused: the system's choice then.
    }
    document.documentElement.dataset.theme = chosen || (dark.matches ? 'dark' : 'light');
    dispatchEvent(new Event('tandem-theme'));
  };
  dark.addEventListener('change', apply);
  addEventListener('storage', apply);
  addEventListener('tandem-theme-chosen', apply);
  apply();
})();
