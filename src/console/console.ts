/** What the console shows. */
import type { SiteRoute, SiteSocket } from '../control/http/site.ts';

export interface Console {
  readonly routes: readonly SiteRoute[];
  readonly sockets: readonly SiteSocket[];
  close(): void;
}
