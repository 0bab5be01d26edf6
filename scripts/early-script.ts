/** Puts a small classic script before everything else of each page: modules run only after the first paint. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** @param file plain JavaScript; the build gives it a hashed name among the assets, the development server inlines it. */
export function earlyScript(file: string): Plugin {
  const source = readFileSync(file, 'utf8');
  let emitted: string | undefined;
  return {
    name: 'early-script',
    buildStart() {
      if (!this.meta.watchMode) emitted = this.emitFile({ type: 'asset', name: 'early.js', source });
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const asset = Object.values(bundle ?? {}).find(({ fileName }) => /early-[^/]*\.js$/.test(fileName));
        if (emitted === undefined || !asset) return [{ tag: 'script', children: source, injectTo: 'head-prepend' }];
        return [{ tag: 'script', attrs: { src: `./${asset.fileName}` }, injectTo: 'head-prepend' }];
      },
    },
  };
}
