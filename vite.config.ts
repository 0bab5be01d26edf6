/** Builds the console and the softphone (src/console/web) into dist-pages/, or whereto `--outDir` says. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { earlyScript } from './scripts/early-script.ts';
import { pageBudget } from './scripts/page-budget.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

const server = process.env.TANDEM_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: path('./src/console/web'),
  // Relative, so that the pages also work under a path of a reverse proxy.
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path('./dist-pages'),
    emptyOutDir: true,
    target: 'es2022',
    // The pages' Content-Security-Policy allows neither inline scripts nor data: URLs but for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What is bundled is published with us: its licences go with it.
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: { index: path('./src/console/web/index.html'), phone: path('./src/console/web/phone.html') },
    },
  },
  plugins: [earlyScript(path('./src/console/web/shared/theme-early.js')), pageBudget(300_000)],
  server: {
    // The page is answered from the sources, everything else by a server, as `npm start` or test/console/fake-server.ts.
    proxy: Object.fromEntries(
      ['^/console/(session|login|logout|stream|finished|recordings)', '^/phone/config', '^/RPC'].map((at) => [
        at,
        { target: server, ws: true, changeOrigin: true, headers: { origin: server } },
      ]),
    ),
  },
});
