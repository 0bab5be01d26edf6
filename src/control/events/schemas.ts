/** What every event of `/events` and of webhooks says, for programs that are told of it. Times are Unix milliseconds. */
import { z } from 'zod';
import type { TandemEvents } from '../../session/events.ts';
import type { RemoteEvents } from '../remote/operations.ts';

const at = z.number();
const session = { callId: z.string(), sessionId: z.string(), at };
const cause = z.strictObject({
  by: z.enum(['local', 'remote', 'timeout', 'error', 'crash']),
  status: z.int().optional(),
  reason: z.string().optional(),
  method: z.string().optional(),
});
const state = z.enum(['initial', 'early', 'answered', 'confirmed', 'ended']);
const parked = z.strictObject({
  ...session,
  state,
  name: z.string().optional(),
  fromUser: z.string().optional(),
  toUser: z.string().optional(),
});
const held = z.strictObject({ ...session, by: z.enum(['local', 'remote']) });
const inConference = z.strictObject({ ...session, conference: z.string(), members: z.int() });
const inQueue = { ...session, queue: z.string() };
const agentOfQueue = { ...inQueue, agent: z.string(), waitedMs: z.number() };
const registration = z.strictObject({
  uri: z.string(),
  at,
  expires: z.number().optional(),
  status: z.int().optional(),
  retryInMs: z.number().optional(),
});
const qualified = { uri: z.string(), at, up: z.boolean(), status: z.int(), ms: z.number() };
const stats = z.object({
  codec: z.string().optional(),
  received: z.object({ packets: z.int(), lost: z.int(), jitterMs: z.number(), mos: z.number().optional() }),
  sent: z.object({ packets: z.int(), mos: z.number().optional() }),
});

/** Dozens for each call: they are for traces. */
type LeftOut = 'sip:request' | 'sip:response' | 'sip:timer';
type Events = Omit<TandemEvents, LeftOut> & RemoteEvents;
type Schemas = { readonly [K in keyof Events]: z.ZodType };

/** The compiler looks whether every payload is one that its schema takes. */
function covering<S extends Schemas>(
  schemas: S & { readonly [K in keyof Events]: Events[K] extends z.input<S[K]> ? unknown : never },
): S {
  return schemas;
}

const operation = { operation: z.string(), command: z.string(), ...session };

const begun = z.strictObject({
  ...session,
  direction: z.enum(['inbound', 'outbound']),
  fromUri: z.string(),
  toUri: z.string(),
});

const observed = covering({
  'call:created': begun,
  'call:recovered': begun,
  'call:early': z.strictObject({ ...session, status: z.int() }),
  'call:answered': z.strictObject(session),
  'call:confirmed': z.strictObject(session),
  'call:replaced': z.strictObject({ ...session, peer: z.string(), peerCallId: z.string() }),
  'call:held': held,
  'call:resumed': held,
  'call:parked': parked,
  'call:taken': parked,
  'call:unparked': z.strictObject({ ...session, reason: z.enum(['released', 'ended']) }),
  'call:ended': z.strictObject({ ...session, cause }),
  'conference:joined': inConference,
  'conference:left': inConference,
  'conference:speaker': z.strictObject({
    conference: z.string(),
    callId: z.string().optional(),
    sessionId: z.string().optional(),
    at,
  }),
  'conference:ended': z.strictObject({ conference: z.string(), reason: z.enum(['closed', 'empty', 'failed']), at }),
  'media:started': z.strictObject({ ...session, codec: z.string() }),
  'media:dtmf': z.strictObject({ ...session, digit: z.string() }),
  'media:stats': z.strictObject({ ...session, stats }),
  'media:timeout': z.strictObject({ ...session, silentMs: z.number() }),
  'media:srtp': z.strictObject({ ...session, problem: z.enum(['key-mismatch', 'key-expired', 'unsaved']) }),
  'media:ice': z.strictObject({ ...session, state: z.enum(['connected', 'disconnected', 'failed']) }),
  'media:dtls': z.strictObject({
    ...session,
    state: z.enum(['connected', 'failed', 'closed']),
    error: z.string().optional(),
  }),
  'media:failed': z.strictObject({ ...session, error: z.string(), recovering: z.boolean() }),
  'recording:failed': z.strictObject({ ...session, code: z.string(), error: z.string() }),
  'queue:entered': z.strictObject({ ...inQueue, position: z.int(), waiting: z.int() }),
  'queue:ringing': z.strictObject(agentOfQueue),
  'queue:missed': z.strictObject({ ...agentOfQueue, status: z.int().optional() }),
  'queue:answered': z.strictObject(agentOfQueue),
  'queue:left': z.strictObject({
    ...inQueue,
    end: z.enum(['answered', 'timeout', 'full', 'no-agents', 'abandoned', 'key']),
    waitedMs: z.number(),
    agent: z.string().optional(),
    talkedMs: z.number().optional(),
  }),
  'queue:agent': z.strictObject({
    queue: z.string(),
    agent: z.string(),
    state: z.enum(['idle', 'ringing', 'talking', 'wrap-up', 'paused', 'unregistered']),
    at,
  }),
  'parking:parked': z.strictObject({ ...session, lot: z.string(), slot: z.int(), parker: z.string().optional() }),
  'parking:left': z.strictObject({
    ...session,
    lot: z.string(),
    slot: z.int(),
    end: z.enum(['retrieved', 'returned', 'timeout', 'abandoned', 'full']),
    parkedMs: z.number(),
  }),
  'voicemail:recorded': z.strictObject({ ...session, box: z.string(), id: z.string(), durationMs: z.number() }),
  'voicemail:changed': z.strictObject({ box: z.string(), new: z.int(), saved: z.int(), at }),
  'registrar:changed': z.strictObject({
    what: z.enum(['added', 'refreshed', 'removed', 'expired', 'replaced', 'disconnected']),
    user: z.string(),
    uri: z.string(),
    source: z.string(),
    userAgent: z.string().optional(),
    callId: z.string(),
    at,
  }),
  'registration:registered': registration,
  'registration:refreshed': registration,
  'registration:failed': registration,
  'registration:unregistered': registration,
  'registration:qualified': z.strictObject(qualified),
  'trunk:gateway': z.strictObject({ ...qualified, trunk: z.string() }),
  'sip:banned': z.strictObject({
    at,
    address: z.string(),
    reason: z.enum(['scanner', 'malformed', 'refused', 'credentials', 'manual']),
    until: z.number(),
  }),
  'operation:done': z.strictObject({ ...operation, result: z.record(z.string(), z.unknown()) }),
  'operation:failed': z.strictObject({
    ...operation,
    code: z.string(),
    error: z.string(),
    status: z.int().optional(),
  }),
});

const dialog = {
  callId: z.string(),
  at,
  dialog: z.strictObject({
    hEntry: z.int(),
    hId: z.int(),
    state: z.int().min(1).max(5),
    direction: z.enum(['inbound', 'outbound']),
    fromUri: z.string(),
    toUri: z.string(),
    initTs: z.number(),
    startTs: z.number(),
    endTs: z.number(),
    duration: z.number(),
    endedBy: z.enum(['caller', 'callee', 'local']).optional(),
  }),
};
const plain = z.strictObject(dialog);
const message = z.strictObject({
  ...dialog,
  direction: z.enum(['downstream', 'upstream']),
  method: z.string(),
  status: z.int().optional(),
});
const response = z.strictObject({ ...dialog, status: z.int() });
const end = z.strictObject({ ...dialog, cause });

/** By name. */
export const eventSchemas: Readonly<Record<string, z.ZodType>> = {
  ...observed,
  'dialog:created': plain,
  'dialog:spiraled': plain,
  'dialog:early': response,
  'dialog:confirmedNa': plain,
  'dialog:confirmed': plain,
  'dialog:requestWithin': message,
  'dialog:responseWithin': message,
  'dialog:responseForwarded': response,
  'dialog:failed': end,
  'dialog:expired': plain,
  'dialog:terminated': end,
  'dialog:terminatedConfirmed': end,
  'dialog:loaded': plain,
  'dialog:untracked': plain,
  'dialog:destroyed': plain,
  'dialog:start': plain,
  'dialog:end': end,
  'dialog:timeout': plain,
  'log:gap': z.strictObject({ after: z.number(), missed: z.int().optional() }),
  'log:dropped': z.strictObject({}),
  'log:closing': z.strictObject({}),
};
