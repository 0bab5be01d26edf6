/** Asks a server for what the monitor shows. */
import { TandemError } from '../../base/errors.ts';
import type { JsonValue } from '../../control/binrpc/json.ts';
import type { RpcScalar } from '../../control/rpc/value.ts';
import { type CallRow, callsOf, type Snapshot, totalsOf } from './calls.ts';

/** @throws TandemError ERR_RPC for a fault, ERR_CONTROL when nobody answers */
export type AskServer = (method: string, args: readonly RpcScalar[]) => Promise<JsonValue>;

/** As many calls fit into one answer of BINRPC, whatever is told of them. */
const fitting = 60;

export class MonitorSource {
  readonly #ask: AskServer;
  readonly #now: () => number;
  #before: { readonly processed: number; readonly at: number } | undefined;

  /** @param now milliseconds that only rise */
  constructor(ask: AskServer, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /** @throws as `AskServer` */
  async look(): Promise<Snapshot> {
    const calls = await this.#calls();
    const totals = totalsOf(await this.#ask('stats.fetch', ['dialog:']));
    const running = totals.active + totals.early;
    return {
      calls,
      totals,
      callsPerSecond: this.#rate(totals.processed),
      hidden: calls.length < fitting ? 0 : Math.max(0, running - calls.length),
    };
  }

  /** @throws as `AskServer`, with a fault when it is over already */
  async end({ hEntry, hId }: Pick<CallRow, 'hEntry' | 'hId'>): Promise<void> {
    await this.#ask('dlg.end_dlg', [hEntry, hId]);
  }

  async #calls(): Promise<readonly CallRow[]> {
    try {
      return callsOf(await this.#ask('dlg.list_ctx', []));
    } catch (error) {
      // The whole list is more than the control socket carries; HTTP would.
      if (!isFault(error, 500)) throw error;
    }
    try {
      return callsOf(await this.#ask('dlg.list_match_ctx', ['callid', 're', '.', fitting]));
    } catch (error) {
      if (isFault(error, 404)) return [];
      throw error;
    }
  }

  #rate(processed: number): number | undefined {
    const [before, at] = [this.#before, this.#now()];
    this.#before = { processed, at };
    if (!before || at <= before.at) return undefined;
    // Less than before: somebody has reset the statistics.
    return Math.max(0, ((processed - before.processed) * 1000) / (at - before.at));
  }
}

function isFault(error: unknown, fault: number): boolean {
  return error instanceof TandemError && error.code === 'ERR_RPC' && error.facts.fault === fault;
}
