/** What one Tandem says of itself. */
import type { Media } from '../media/index.ts';
import type { OutboxReport } from './cdr/outbox.ts';
import type { House } from './house.ts';
import type { AdmissionReport } from './incoming/admission.ts';
import type { InviteReport } from './incoming/invite-counts.ts';
import type { ArchiveReport } from './recordings/archive.ts';
import type { KeeperReport } from './recovery/keeper.ts';
import type { RegistrationReport } from './registration/registration.ts';
import { type RegistryReport, registryReport } from './registry/report.ts';
import type { Ban } from './sip/defence/ban-list.ts';
import type { SipListener, SipStats } from './sip/endpoint.ts';
import type { StoreHealth } from './store/store.ts';
import type { SpanReport } from './telemetry/otlp/span-queue.ts';
import type { TrunkReport } from './trunk/trunk.ts';

/** What is open right now. After the last call all of it is 0 again. */
export interface CheckReport {
  readonly listeners: readonly SipListener[];
  readonly calls: number;
  /** Phones that are registered here. */
  readonly bindings: number;
  readonly background: number;
  readonly sip: SipStats;
  /** The latest hundred. */
  readonly bans: readonly Ban[];
  readonly media: Awaited<ReturnType<Media['counts']>>;
  /** How RTP sockets are read; `given`: the network is not this machine's. */
  readonly mediaIo: Media['io'];
  readonly registrations: readonly RegistrationReport[];
  readonly trunks: readonly TrunkReport[];
  /** Those of INVITEs that came in. */
  readonly invites: InviteReport;
  /** Whether one more call is taken. */
  readonly admission: AdmissionReport;
  /** Undefined with `registry: false`. */
  readonly registry: RegistryReport | undefined;
  /** Where records of calls go. */
  readonly cdrs: readonly OutboxReport[];
  /** Undefined without the option `recordings`. */
  readonly recordings: ArchiveReport | undefined;
  /** Undefined without the option `recovery`. */
  readonly recovery: KeeperReport | undefined;
  /** Undefined without the option `store`. */
  readonly store: StoreHealth | undefined;
  /** Spans on their way to the collector; undefined without the option `telemetry`, or where others send them. */
  readonly telemetry: SpanReport | undefined;
  readonly draining: boolean;
}

/** What is open in this house now. */
export async function checkReport(house: House): Promise<CheckReport> {
  return {
    listeners: house.endpoint.listeners,
    calls: house.sessions.size,
    bindings: house.registrar?.size ?? 0,
    background: house.background.size,
    sip: house.endpoint.stats,
    bans: house.endpoint.defence.bans().slice(-100),
    media: await house.media.counts(),
    mediaIo: house.media.io,
    registrations: house.registrations.reports,
    trunks: house.trunks.reports,
    invites: house.calls.counts.report,
    admission: house.admission.report,
    registry: house.registry && registryReport(house.registry),
    store: house.store?.health,
    cdrs: house.cdrs?.report ?? [],
    recordings: house.recordings?.report,
    recovery: house.keeper?.report,
    telemetry: house.tracer?.report,
    draining: house.calls.draining,
  };
}
