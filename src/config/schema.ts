/** Every setting, with its type, bounds and default. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { logLevels } from '../base/log.ts';
import { defaultMenus, defaultRoutes } from './default-plan.ts';
import { type ConfigIssue, explained, printKey } from './issues.ts';
import { parkingSchema, queuesSchema, ringGroupsSchema, voicemailSchema } from './pbx-schema.ts';
import { trunkSchema, userSchema } from './people-schema.ts';
import { recordingsSchema } from './recordings-schema.ts';
import { registrySchema, storeSchema } from './registry-schema.ts';
import { milliseconds, quoted, text } from './schema-pieces.ts';
import { calendarSchema, menusSchema, noTarget, routesSchema } from './system-schema.ts';
import { telemetrySchema } from './telemetry-schema.ts';
import { httpSchema, webrtcSchema } from './web-schema.ts';

const seconds = z.int().min(1).max(604_800);
const sessionSeconds = z.int().min(1).max(1_814_400);
const port = z.int().min(0).max(65_535);
const count = z.int().min(0).max(10_000_000);
const positive = z.int().min(1).max(1_000_000);
const rtpPort = z.int().min(1024).max(65_535);

const listenerText = z
  .string()
  .regex(/^[a-z]+:.+:\d{1,5}$/, 'expected transport:host:port, as udp:0.0.0.0:5060')
  .describe('transport:host:port; an IPv6 host in brackets');

const listener = z.strictObject({
  transport: z.string(),
  host: z.string().min(1),
  port,
  externalHost: z.string().min(1).optional().describe('what Via and Contact say instead of the bound address'),
  externalPort: port.optional(),
  mediaExternalIp: z.string().min(1).optional().describe('what SDP says instead of the local address'),
});

const pem = (what: string) => z.string().min(1).describe(`${what}: a file in PEM, or the text itself`);
const certificate = { cert: pem('certificate, with the chain'), key: pem('its private key') };

/** Of the whole file. */
export const configSchema = z.strictObject({
  listen: z
    .array(z.union([listenerText, listener]))
    .min(1)
    .default(['udp:0.0.0.0:5060', 'tcp:0.0.0.0:5060', 'ws:0.0.0.0:5066'])
    .describe('where SIP is heard'),
  externalHost: z.string().min(1).optional().describe('for listeners that name none: the address that peers see'),
  mediaExternalIp: z.string().min(1).optional().describe('for listeners that name none: the address of RTP in SDP'),
  tls: z
    .strictObject({
      cert: certificate.cert.optional(),
      key: certificate.key.optional(),
      names: z
        .record(z.string().min(1), z.strictObject(certificate))
        .optional()
        .describe('certificates for other names that clients ask for (SNI)'),
      ca: pem('who may have signed the certificates of peers').optional(),
      clients: z.enum(['none', 'optional', 'required']).default('none').describe('certificates of clients'),
      verify: z.boolean().default(true).describe('check the certificates of servers that we connect to'),
    })
    .prefault({})
    .describe('for listeners tls and wss, and for connections to others'),
  origins: z
    .array(z.string().min(1))
    .default(['own'])
    .describe('pages that may connect to ws and wss, as https://example.com; own: those of this server; *: all'),
  users: z
    .record(z.string().regex(/^[\w.+-]+$/, 'a user is named by letters, digits and . + - _'), userSchema)
    .default({})
    .describe('who may register and call, by name'),
  auth: z
    .strictObject({
      realm: z.string().min(1).default('tandem').describe('what phones are told to be known at'),
      algorithms: z
        .array(z.enum(['SHA-256', 'SHA-512-256', 'MD5']))
        .min(1)
        .default(['MD5'])
        .describe('strongest first; many phones give up where they see another beside MD5'),
    })
    .prefault({}),
  registrar: z
    .strictObject({
      domains: z.array(z.string().min(1)).optional().describe('hosts that users are at; default any'),
      minExpires: seconds.default(60).describe('s'),
      maxExpires: seconds.default(3600).describe('s'),
      maxContacts: z.int().min(1).max(1000).default(10).describe('phones of one user at once'),
      whenFull: z.enum(['replace', 'refuse']).default('replace').describe('what one phone more does'),
    })
    .prefault({}),
  userAgent: z.string().min(1).default('Tandem').describe('the User-Agent and Server header'),
  defence: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('false: nobody is limited or banned; the limits of all together stay'),
      exempt: z.array(z.string().min(1)).optional().describe('networks that are never limited or banned (CIDR)'),
      rate: positive.default(10).describe('failures per second that one source may go on with'),
      burst: positive.default(100).describe('and at once'),
      banAfter: count.default(200).describe('failures within ten minutes; more ban a source; 0 is never'),
      banFor: milliseconds.default(600_000).describe('ms of the first ban; each further one is twice as long'),
      scanners: z.array(z.string().min(1)).optional().describe('parts of User-Agent values that are banned at once'),
      callRate: count.default(0).describe('new calls per second from one source; 0 is no limit'),
      maxDialogs: count.default(100_000),
      maxDialogsPerSource: count.default(50_000),
      maxTransactions: count.default(200_000),
      maxTransactionsPerSource: count.default(100_000),
      maxConnections: count.default(8_192),
      maxConnectionsPerSource: count.default(2_048),
    })
    .prefault({})
    .describe('against scanners and floods'),
  admission: z
    .strictObject({
      maxCalls: count.default(0).describe('calls at once; more get 503; 0 is no limit'),
      maxCpu: z
        .number()
        .min(0)
        .max(1)
        .default(0.9)
        .describe(
          'share of a core that a thread, and of all cores that the server may use before calls get 503; 0 is any',
        ),
      maxLag: milliseconds.default(200).describe('ms that the main thread may be late before calls get 503; 0 is any'),
      retryAfter: z.int().min(0).max(3600).default(10).describe('seconds that a caller is told to wait'),
    })
    .prefault({})
    .describe('calls that there is no room for: `tandem bench --calibrate` finds out how many there are'),
  trace: z
    .strictObject({
      keep: z.enum(['failed', 'all', 'none']).default('failed').describe('calls whose SIP messages are kept'),
      maxCalls: count.default(1_000),
      keepFor: milliseconds.default(3_600_000).describe('ms'),
      maxBytes: z
        .int()
        .min(0)
        .max(2 ** 32 - 1)
        .default(33_554_432)
        .describe('of all messages together'),
      hep: z.string().min(1).optional().describe('collector that gets every message as HEP v3: udp:host:port'),
      captureId: z
        .int()
        .min(0)
        .max(2 ** 32 - 1)
        .default(2001),
      password: z.string().min(1).optional().describe('of the collector'),
    })
    .prefault({})
    .describe('SIP messages of calls'),
  telemetry: telemetrySchema,
  transfer: z
    .enum(['refuse', 'execute', 'pass'])
    .default('refuse')
    .describe('what a REFER leads to in a script that does not handle it; users of the ready-made server may transfer'),
  replaces: z.boolean().default(true).describe('an INVITE may take the place of a peer in a call (RFC 3891)'),
  dtmf: z
    .enum(['auto', 'rfc4733', 'info', 'inband'])
    .default('auto')
    .describe('which digits count; auto: as the first comes'),
  dialogEvents: z.boolean().default(false).describe('others may subscribe to who is on the phone (RFC 4235)'),
  reliable: z
    .enum(['supported', 'required', 'off'])
    .default('supported')
    .describe('provisional responses that ask for a PRACK (RFC 3262)'),
  sessionTimers: z
    .strictObject({
      enabled: z.boolean().default(true),
      expires: sessionSeconds.default(1800).describe('seconds that a call lives without a refresh'),
      minSE: sessionSeconds.default(90).describe('the fewest seconds a peer may ask for'),
      refresher: z.enum(['auto', 'uac', 'uas']).default('auto').describe('who refreshes if the peer leaves it to us'),
    })
    .prefault({})
    .describe('session timers (RFC 4028): how a call finds out that its peer is gone'),
  drainTimeout: milliseconds.default(10_000).describe('ms that running calls may go on after SIGTERM'),
  socket: z.string().min(1).default('./run/tandem.sock').describe('where `tandem check` asks; "none" opens none'),
  media: z
    .strictObject({
      codecs: z.array(z.string().min(1)).min(1).default(['PCMU', 'PCMA', 'opus', 'L16', 'telephone-event']),
      rtpPorts: z
        .strictObject({ min: rtpPort.default(16_384), max: rtpPort.default(32_766) })
        .prefault({})
        .describe('RTP and RTCP take even/odd pairs of these'),
      workers: z
        .int()
        .min(0)
        .max(256)
        .default(() => Math.max(1, availableParallelism() - 1))
        .describe('media threads; 0 keeps media on the main thread'),
      io: z.enum(['auto', 'dgram', 'native']).default('auto').describe('how RTP sockets are read'),
      symmetricRtp: z.enum(['latch', 'strict', 'off']).default('latch'),
      rtpTimeout: milliseconds.default(0).describe('ms without RTP until media:timeout; 0 is never'),
      hangupOnRtpTimeout: z.boolean().default(false).describe('media:timeout ends the call'),
      rtcpMux: z.boolean().default(false).describe('offer to have RTCP on the port of RTP'),
      comfortNoise: z.boolean().default(false).describe('offer and take comfort noise: silence is described, not sent'),
      rtcpXr: z.boolean().default(false).describe('offer extended RTCP reports'),
      jitterBuffer: z
        .strictObject({
          mode: z.enum(['adaptive', 'fixed']).default('adaptive'),
          min: z.int().min(0).max(1000).default(40),
          max: z.int().min(0).max(1000).default(200),
        })
        .prefault({})
        .describe(
          'ms that audio is kept before it is recorded, heard by a script or converted; fixed keeps it for min',
        ),
      promptCacheBytes: z
        .int()
        .min(0)
        .default(67_108_864)
        .describe('bytes of decoded and encoded prompts, and of phrases, that are kept'),
      srtp: z
        .enum(['off', 'optional', 'required', 'dtls'])
        .default('off')
        .describe('SRTP with keys in SDP, or by DTLS; browsers get theirs by DTLS whatever this says'),
      ice: z
        .enum(['off', 'lite', 'full'])
        .default('lite')
        .describe('lite: answer the checks of browsers; full: make checks, too, where this server is behind a NAT'),
      stunServer: quoted
        .regex(/^[^\s:]+(:\d{1,5})?$/, 'expected host or host:port')
        .optional()
        .describe('with ice: full, who tells where browsers see this server'),
    })
    .prefault({}),
  trunks: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'a name has letters, digits, - and _, 32 at the most'),
      trunkSchema,
    )
    .default({})
    .describe('ways to the telephone network, by name'),
  routes: routesSchema
    .default(() => defaultRoutes())
    .describe('where calls of the ready-made server go: the first that fits'),
  menus: menusSchema.default(() => defaultMenus()).describe('menus of the ready-made server, by name'),
  calendar: calendarSchema.describe('times that routes ask for'),
  ringGroups: ringGroupsSchema.default({}).describe('several who are rung for one call, by name'),
  queues: queuesSchema.default({}).describe('callers who wait for agents, by name'),
  voicemail: voicemailSchema.describe('mailboxes'),
  parking: parkingSchema.default({}).describe('where calls wait until somebody fetches them, by name'),
  log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
  http: httpSchema,
  webrtc: webrtcSchema,
  control: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .default('./run/tandem_ctl')
        .describe('where kamcmd and `tandem dlg.list` ask; "none" opens none'),
      listen: z
        .array(z.string().min(1))
        .default([])
        .describe('more of them, as unixd:./run/tandem_ctld or tcp:127.0.0.1:2049; of this machine alone'),
      writeFolder: z
        .string()
        .min(1)
        .default('./data/recordings')
        .describe(
          'the only folder that dlg.dump_file, dlg.record and call.record write to; "none" lets them write nowhere',
        ),
    })
    .prefault({}),
  remote: z
    .strictObject({
      park: z
        .array(text)
        .default([])
        .describe('numbers of the ready-made server whose calls wait for a remote controller'),
      timeout: z.int().min(1).max(86_400_000).default(60_000).describe('ms that they wait for one to take them'),
      answer: z.boolean().default(false).describe('they are answered first; else the caller hears it ring'),
      grace: milliseconds.default(10_000).describe('ms that calls of a lost controller wait for another'),
      whenLost: z.enum(['hangup', 'release']).default('hangup').describe('what becomes of them then'),
      soundFolder: z.string().min(1).default('.').describe('where the files are that controllers play'),
    })
    .prefault({})
    .describe('calls in the hands of programs that ask by JSON-RPC'),
  cdr: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .default('none')
        .describe('JSON lines: a record of each call that is over; "none" writes none'),
      webhook: z
        .strictObject({ url: text, secret: text })
        .optional()
        .describe('who gets each record by HTTP POST, signed, until it is taken'),
    })
    .prefault({})
    .describe('records of calls, beside those in the database'),
  recordings: recordingsSchema,
  recovery: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .default('./run/recovery')
        .describe('folder of the journal from which calls go on after a crash or a restart; "none" keeps none'),
      encryptionKey: text.optional().describe('encrypts the journal; a long text that is kept elsewhere'),
      fsync: z.boolean().default(false).describe('wait for the disk: calls go on after a loss of power, too'),
    })
    .prefault({})
    .describe('calls go on where they were'),
  registry: registrySchema.describe('the calls that run: see Registry'),
  store: storeSchema,
});

export type Config = z.output<typeof configSchema>;
export type UserConfig = z.output<typeof userSchema>;
export type ListenerConfig = z.output<typeof listener>;

/** @param values a tree of settings; what is missing gets its default. */
export function checkConfig(
  values: unknown,
): { readonly config: Config } | { readonly issues: readonly ConfigIssue[] } {
  // It is read at the start, and when it is read again: to compile the schema first would take longer.
  const parsed = configSchema.safeParse(values, { reportInput: true, jitless: true });
  if (parsed.success) return { config: parsed.data };
  const issues = parsed.error.issues.flatMap((issue) => explained(issue, [], configJsonSchema));
  // Where a key is wrong, that a target is missing as well is no news.
  const wrongKeys = issues.filter(({ isKey }) => isKey).map(({ path }) => printKey(path.slice(0, -1)));
  return {
    issues: issues.filter(({ path, message }) => !(message.startsWith(noTarget) && wrongKeys.includes(printKey(path)))),
  };
}

/** JSON Schema of the configuration file. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
