/** What the pages need of HTTP: themselves, and what they ask for. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../base/node-package.ts';
import { pageRoutes } from '../control/http/pages.ts';
import type { Site } from '../control/http/site.ts';
import type { Console } from './console.ts';
import { type PhoneConfigOptions, phoneConfigRoute, socketUrls } from './phone-config.ts';

export interface SiteOptions {
  readonly phone: PhoneConfigOptions;
  /** What the console shows; without it there are the pages alone. */
  readonly console: Console | undefined;
  /** Where the pages are; default those of this package. */
  readonly folder?: string;
}

/** In a clone they are made by `npm run build:pages`; the package has them. */
function defaultFolder(): string {
  const built = join(packageRoot, 'dist-pages');
  return existsSync(built) ? built : join(packageRoot, 'dist', 'pages');
}

export async function openSite({ phone, console, folder = defaultFolder() }: SiteOptions): Promise<Site> {
  const connects = (host: string, secure: boolean): readonly string[] =>
    // A source names no path but the one that it is for.
    (phone.servers ?? socketUrls(phone, host, secure)).map((url) => url.replace(/^(wss?:\/\/[^/]+).*$/, '$1'));
  return {
    routes: [...(await pageRoutes(folder, connects)), phoneConfigRoute(phone), ...(console?.routes ?? [])],
    sockets: console?.sockets ?? [],
    close: () => console?.close(),
  };
}
