/** What happened at an endpoint since it was opened, by cause. */
const names = [
  /** Messages parsed; retransmissions count again. */
  'received',
  /** Messages sent for the first time. */
  'sent',
  /** Not SIP, or SIP that breaks the grammar. */
  'malformed',
  /** Thrown away before they were looked at: the queue was full, or the source port was 0. */
  'dropped',
  'retransmissionsReceived',
  'retransmissionsSent',
  /** Responses that answer nothing of ours. */
  'strayResponses',
  /** ACKs that belong to no INVITE. */
  'strayAcks',
  /** Requests that came by two ways (482). */
  'merged',
  /** Requests refused by validation, whatever the status. */
  'rejected',
  /** INVITEs refused with 503 because too many wait. */
  'overload',
  /** Messages of banned sources, unread. */
  'banned',
  /** Messages of sources that fail too often, unread. */
  'rateLimited',
  /** Requests of known scanners, dropped. */
  'scanners',
  /** Sources that were banned. */
  'bans',
  /** INVITEs refused with 503 because their source calls too often. */
  'overCalls',
  /** INVITEs refused with 503 because there are too many dialogs. */
  'overDialogs',
  /** Requests refused with 503 because too many are kept. */
  'overTransactions',
  /** Messages that the HEP collector was not told of. */
  'hepDropped',
  /** Requests of ours without a final response. */
  'timeouts',
  /** Final responses of ours without an ACK. */
  'ackTimeouts',
  /** INVITEs whose user did not make up its mind in time. */
  'expired',
  'transportErrors',
  /** TCP connections that were refused or cut by a limit. */
  'connectionsRefused',
  /** Pages that may not connect by WebSocket, for their origin. */
  'strangePages',
  /** Exceptions that were caught; the log has them. */
  'internalErrors',
] as const;

export type CounterName = (typeof names)[number];
export type Counters = Record<CounterName, number>;

export function createCounters(): Counters {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counters;
}
