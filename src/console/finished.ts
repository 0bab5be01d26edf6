/** Calls that are over: those of the database, or the last thousand where there is none. */

import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Cdr } from '../cdr/cdr.ts';
import type { SiteReply, SiteRequest, SiteRoute } from '../control/http/site.ts';
import { ladderMessage, mergedLadder } from './ladder.ts';
import type { CallDetail, FinishedPage, FinishedRow } from './protocol.ts';
import type { CdrSearch, CdrStore, ConsoleSubject } from './subject.ts';

const most = 1_000;
const defaultLimit = 50;
const mostLimit = 200;
const longestSearch = 200;

/** The latest that ended while this process runs. */
export class RecentCdrs implements CdrStore {
  readonly #cdrs: Cdr[] = [];

  add(cdr: Cdr): void {
    this.#cdrs.push(cdr);
    if (this.#cdrs.length > most) this.#cdrs.shift();
  }

  async findCdrs({ search, before, limit }: CdrSearch): Promise<readonly Cdr[]> {
    const wanted = search.toLowerCase();
    return this.#cdrs
      .filter((cdr) => (before === undefined || compare(cdr, before) > 0) && isFound(cdr, wanted))
      .sort(compare)
      .slice(0, limit);
  }

  async cdr(id: string): Promise<Cdr | undefined> {
    return this.#cdrs.find((one) => one.id === id);
  }
}

/** The latest to end first. */
function compare(a: Pick<Cdr, 'endedAt' | 'id'>, b: Pick<Cdr, 'endedAt' | 'id'>): number {
  if (a.endedAt !== b.endedAt) return b.endedAt - a.endedAt;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

function isFound({ fromUri, toUri, requestUri, legs }: Cdr, wanted: string): boolean {
  if (wanted === '') return true;
  return [fromUri, toUri, requestUri, ...legs.map(({ callId }) => callId)].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

export interface FinishedDeps {
  readonly subject: Pick<ConsoleSubject, 'store' | 'trace'>;
  readonly recent: CdrStore;
  readonly logger: Logger;
}

/** Finds calls that are over wherever they are. */
export class FinishedCalls {
  readonly #deps: FinishedDeps;

  constructor(deps: FinishedDeps) {
    this.#deps = deps;
  }

  get routes(): readonly SiteRoute[] {
    return [
      { method: 'GET', path: '/console/finished', answer: (request) => this.#page(request) },
      { method: 'GET', path: '/console/finished/*', answer: (request) => this.#detail(request) },
    ];
  }

  async find(id: string): Promise<Cdr | undefined> {
    return (await this.#deps.recent.cdr(id)) ?? (await this.#ask((store) => store.cdr(id)));
  }

  async #page({ query }: SiteRequest): Promise<SiteReply> {
    const before = readBefore(query.get('before') ?? '');
    const limit = readLimit(query.get('limit') ?? String(defaultLimit));
    const search = (query.get('search') ?? '').trim();
    if (before === 'wrong' || limit === undefined || search.length > longestSearch)
      return { status: 400, body: { error: 'expected search, before (next of the page before) and limit (1 to 200)' } };
    const wanted = { search, before, limit: limit + 1 };
    const found = (await this.#ask((store) => store.findCdrs(wanted))) ?? (await this.#deps.recent.findCdrs(wanted));
    const cdrs = found.slice(0, limit);
    const more = found.length > limit;
    const last = cdrs.at(-1);
    const page: FinishedPage = {
      rows: cdrs.map(finishedRow),
      more,
      ...(more && last ? { next: `${last.endedAt}.${last.id}` } : {}),
    };
    return { body: page };
  }

  async #detail({ path }: SiteRequest): Promise<SiteReply> {
    const cdr = await this.find(path.slice('/console/finished/'.length));
    return cdr ? { body: this.#detailOf(cdr) } : { status: 404, body: { error: 'no such call' } };
  }

  #detailOf(cdr: Cdr): CallDetail {
    const callIds = [...new Set(cdr.legs.map(({ callId }) => callId))];
    const ladder = mergedLadder(
      callIds.map((callId) => this.#deps.subject.trace(callId).map((message) => ladderMessage(message, callId))),
    );
    const { id, fromUri, toUri, beganAt, answeredAt, legs } = cdr;
    return {
      call: {
        id: `${cdr.hEntry}:${cdr.hId}`,
        callId: legs[0]?.callId ?? id,
        ...{ from: fromUri, to: toUri, state: 'deleted', startedAt: beganAt * 1000 },
        answeredAt: answeredAt === 0 ? undefined : answeredAt * 1000,
        direction: legs[0]?.direction === 'outbound' ? 'out' : 'in',
        ...{ trunk: undefined, bridge: undefined, conference: undefined, recording: false, profiles: {} },
        legs: legs.map((leg, index) => ({
          ...{ sessionId: leg.callId, callId: leg.callId, uri: leg.remoteUri, transport: '', codec: leg.codec },
          ...{ side: index === 0 ? 'caller' : 'callee', secure: 'none', held: false, mos: leg.mos },
        })),
      },
      variables: cdr.variables,
      flags: {},
      ladder,
      events: cdr.gaps.map(({ at, forMs }) => ({ at, name: 'server:away', sessionId: undefined, detail: { forMs } })),
      media: {},
    };
  }

  /** A database that does not answer is none. */
  async #ask<T>(work: (store: CdrStore) => Promise<T>): Promise<T | undefined> {
    const { subject, logger } = this.#deps;
    try {
      return subject.store && (await work(subject.store));
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'finished calls cannot be read from the database');
      return undefined;
    }
  }
}

function finishedRow(cdr: Cdr): FinishedRow {
  const { id, fromUri, toUri, beganAt, answeredAt, endedAt, cause, endedBy, legs, recordings } = cdr;
  return {
    id,
    callId: legs[0]?.callId ?? '',
    from: fromUri,
    to: toUri,
    startedAt: beganAt * 1000,
    answeredAt: answeredAt === 0 ? undefined : answeredAt * 1000,
    endedAt: endedAt * 1000,
    cause: cause.reason ?? cause.method ?? (cause.by === 'remote' ? endedBy : cause.by),
    status: cause.status,
    recordings: recordings.map((path, index) => ({ id: recordingId(id, index), name: path.replace(/^.*[\\/]/, '') })),
  };
}

/** It names no path: which file it is says the record of the call. */
export function recordingId(call: string, index: number): string {
  return `${call}.${index}`;
}

function readBefore(text: string): CdrSearch['before'] | 'wrong' {
  if (text === '') return undefined;
  const [, endedAt, id] = /^(\d{1,12})\.([\w-]{1,64})$/.exec(text) ?? [];
  return id === undefined ? 'wrong' : { endedAt: Number(endedAt), id };
}

function readLimit(text: string): number | undefined {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 ? Math.min(limit, mostLimit) : undefined;
}
