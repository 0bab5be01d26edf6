/** What the console's pages ask a server for, put together. */

import type { SiteRoute, SiteSocket } from '../control/http/site.ts';
import { NodeProbe } from '../control/metrics/node-probe.ts';
import type { Keyring } from '../recordings/options.ts';
import { FinishedCalls, type RecentCdrs } from './finished.ts';
import { recordingsRoute } from './recordings.ts';
import { ConsoleStream, type StreamDeps } from './stream.ts';
import { voicemailRoutes } from './voicemail.ts';

export interface ConsoleDeps extends Omit<StreamDeps, 'probe'> {
  /** Opens recordings that are encrypted. */
  readonly keyring?: Pick<Keyring, 'find'> | undefined;
  /** Is given every record of a call that is over. */
  readonly recent: RecentCdrs;
}

export class Console {
  readonly #stream: ConsoleStream;
  readonly #probe = new NodeProbe();
  readonly routes: readonly SiteRoute[];

  constructor(deps: ConsoleDeps) {
    const { subject, recent, logger, keyring } = deps;
    this.#stream = new ConsoleStream({ ...deps, probe: this.#probe });
    const finished = new FinishedCalls({ subject, recent, logger });
    this.routes = [
      ...finished.routes,
      recordingsRoute({ find: (call) => finished.find(call), logger, keyring }),
      ...voicemailRoutes({ subject, logger }),
    ];
  }

  get sockets(): readonly SiteSocket[] {
    return [this.#stream];
  }

  /** Idempotent. */
  close(): void {
    this.#stream.close();
    this.#probe.close();
  }
}
