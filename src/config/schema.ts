/** Every setting, with its type, bounds and default. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { logLevels } from '../base/log.ts';
import { defaultMenus, defaultRoutes } from './default-plan.ts';
import { type ConfigIssue, explained, printKey } from './issues.ts';
import { parkingSchema, queuesSchema, ringGroupsSchema, voicemailSchema } from './pbx-schema.ts';
import { recordingsSchema } from './recordings-schema.ts';
import { registrySchema, storeSchema } from './registry-schema.ts';
import { calendarSchema, menusSchema, noTarget, routesSchema } from './system-schema.ts';
import { telemetrySchema } from './telemetry-schema.ts';

const milliseconds = z.int().min(0).max(86_400_000);
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

/** YAML takes digits for a number, and forgets the zeros in front. */
const text = z.string('expected text: put it in quotes');

const user = z
  .strictObject({
    password: text.min(1).optional().describe('what the phone is set up with'),
    ha1: text
      .regex(/^[0-9a-fA-F]{32}$/, 'expected 32 hexadecimal digits')
      .optional()
      .describe('instead of the password: MD5 of name:realm:password'),
    callerId: z.string().min(1).optional().describe('what the called see: a number, or Name <number>'),
    callLimit: z.int().min(1).max(100_000).optional().describe('calls at once, from and to the user; default any'),
  })
  .refine(({ password, ha1 }) => (password === undefined) !== (ha1 === undefined), 'needs a password or an ha1');

const trunk = z.strictObject({
  uri: text
    .min(1)
    .describe('the provider: a host, host:port or SIP URI; a name without port is looked up by NAPTR and SRV'),
  transport: z.enum(['udp', 'tcp', 'tls', 'ws', 'wss']).optional(),
  gateways: z.array(text.min(1)).optional().describe('more of them, in the order to try when one cannot take a call'),
  username: text.min(1).optional(),
  password: text
    .min(1)
    .optional()
    .describe('better TANDEM_TRUNKS_<NAME>_PASSWORD, or …_PASSWORD_FILE, which names a file'),
  proxy: text.min(1).optional().describe('a SIP URI to send through'),
  register: z
    .union([z.boolean(), z.strictObject({ expires: z.int().min(30).max(604_800).describe('seconds') })])
    .default(false)
    .describe('keep username registered; without, the provider knows us by our address'),
  callerId: z
    .strictObject({
      fixed: text.min(1).optional().describe('this number for every call; default the number of the caller'),
      strip: text.min(1).optional().describe('taken off the front of it'),
      add: text.min(1).optional().describe('put before it'),
      displayName: text.min(1).optional(),
      header: z.enum(['from', 'p-asserted-identity', 'p-preferred-identity']).default('from'),
    })
    .optional(),
  qualify: z.int().min(0).max(86_400).default(0).describe('seconds between the OPTIONS for each gateway; 0 for none'),
  codecs: z.array(text.min(1)).min(1).optional().describe('in order of preference; default media.codecs'),
  srtp: z.enum(['off', 'optional', 'required', 'dtls']).optional().describe('default media.srtp'),
  ice: z.boolean().optional().describe('offer ICE'),
  maxChannels: z.int().min(1).optional().describe('calls at once, both directions'),
  maxCallsPerSecond: z.number().positive().optional().describe('new calls to the provider'),
  trusted: z.array(text.min(1)).optional().describe('addresses and ranges that calls of this trunk come from'),
  inboundUser: text.min(1).optional().describe('whom incoming calls are for: uri (default), to, or this one'),
  responseTimeout: z
    .int()
    .min(100)
    .max(60_000)
    .optional()
    .describe('ms of silence after which the next gateway is tried'),
  testNumber: text.min(1).optional().describe('what `tandem trunk check` calls'),
});

const httpUser = z
  .strictObject({
    password: text.min(1).optional(),
    hash: text
      .regex(/^scrypt:[A-Za-z0-9_-]{16,64}:[A-Za-z0-9_-]{43}$/, 'expected what `tandem password` prints')
      .optional()
      .describe('instead of the password: what `tandem password` prints'),
    role: z.enum(['view', 'control']).default('view').describe('view: may read, and neither act nor listen in'),
  })
  .refine(({ password, hash }) => (password === undefined) !== (hash === undefined), 'needs a password or a hash');

const iceServer = z
  .strictObject({
    urls: z
      .union([text, z.array(text).min(1)])
      .refine((urls) => [urls].flat().every((url) => /^(stuns?|turns?):[^\s]+$/i.test(url)), 'expected stun: or turn:')
      .describe('as stun:stun.example.com:3478 or turn:turn.example.com?transport=udp'),
    username: text.min(1).optional(),
    credential: text.min(1).optional(),
    secret: text.min(1).optional().describe('instead of both: shared with the TURN server, for credentials that end'),
    ttl: z.int().min(60).max(604_800).optional().describe('s that they are good for; default 86,400'),
  })
  .refine(
    (one) => (one.username === undefined) === (one.credential === undefined),
    'username and credential go together',
  )
  .refine((one) => one.secret === undefined || one.username === undefined, 'a secret takes the place of username');

const webhook = z.strictObject({
  url: text.regex(/^https?:\/\//, 'expected http:// or https://'),
  secret: text.min(1).describe('events are signed with it'),
  events: z.array(text.min(1)).optional().describe('as call:* or dialog:terminated; default all'),
});

const schema = z.strictObject({
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
    .record(z.string().regex(/^[\w.+-]+$/, 'a user is named by letters, digits and . + - _'), user)
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
      stunServer: text
        .regex(/^[^\s:]+(:\d{1,5})?$/, 'expected host or host:port')
        .optional()
        .describe('with ice: full, who tells where browsers see this server'),
    })
    .prefault({}),
  trunks: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'a name has letters, digits, - and _, 32 at the most'),
      trunk,
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
  http: z
    .strictObject({
      listen: text
        .regex(/^(none|.+:\d{1,5})$/, 'expected host:port, as 127.0.0.1:8080, or none')
        .default('127.0.0.1:8080')
        .describe('host:port of JSON-RPC, metrics, health and events; "none" opens none'),
      token: text.min(1).optional().describe('what a client has to show; needed where others can get there'),
      viewToken: text.min(1).optional().describe('shown by a client that may only read'),
      users: z
        .record(z.string().regex(/^[\w.@+-]{1,64}$/, 'a user is named by letters, digits and . + - _ @'), httpUser)
        .default({})
        .describe('who may log in to the console, by name'),
      makeToken: z
        .boolean()
        .default(false)
        .describe('where listen can be reached from elsewhere and nobody is named, a token is made and printed once'),
      tls: z.boolean().default(false).describe('HTTPS, and SIP over wss, at tlsListen; without tls.cert one is made'),
      tlsListen: text
        .regex(/^.+:\d{1,5}$/, 'expected host:port, as 0.0.0.0:8443')
        .default('0.0.0.0:8443')
        .describe('host:port of HTTPS and SIP over wss'),
      tlsFolder: text
        .min(1)
        .default('./data/tls')
        .describe('where the certificate and the token are kept that are made for a try'),
      webhooks: z.array(webhook).default([]).describe('who is told of events by HTTP POST'),
    })
    .prefault({}),
  webrtc: z
    .strictObject({
      iceServers: z.array(iceServer).default([]).describe('STUN and TURN servers that browsers are told of'),
      servers: z
        .array(text.regex(/^wss?:\/\//, 'expected ws:// or wss://'))
        .min(1)
        .optional()
        .describe('where the softphone page connects to; default the listeners'),
    })
    .prefault({})
    .describe('calls of browsers'),
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
        .array(text.min(1))
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
        .strictObject({ url: text.min(1), secret: text.min(1) })
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
      encryptionKey: text.min(1).optional().describe('encrypts the journal; a long text that is kept elsewhere'),
      fsync: z.boolean().default(false).describe('wait for the disk: calls go on after a loss of power, too'),
    })
    .prefault({})
    .describe('calls go on where they were'),
  registry: registrySchema.describe('the calls that run: see Registry'),
  store: storeSchema,
});

export type Config = z.output<typeof schema>;
export type UserConfig = z.output<typeof user>;
export type ListenerConfig = z.output<typeof listener>;

/** @param values a tree of settings; what is missing gets its default. */
export function checkConfig(
  values: unknown,
): { readonly config: Config } | { readonly issues: readonly ConfigIssue[] } {
  // It is read once: to compile it first would take longer.
  const parsed = schema.safeParse(values, { reportInput: true, jitless: true });
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
  return z.toJSONSchema(schema, { io: 'input' });
}

export type LeafType = 'string' | 'number' | 'boolean' | 'list' | 'object';

/** Every setting by its path, in the order of the schema. */
export const leaves: ReadonlyMap<string, LeafType> = new Map(leavesOf(schema, ''));

function leavesOf(node: z.core.$ZodType, path: string): [string, LeafType][] {
  const type = given(node);
  if (!(type instanceof z.ZodObject)) return [[path, typeOf(type)]];
  return Object.entries(type.shape).flatMap(([key, child]) => leavesOf(child, path ? `${path}.${key}` : key));
}

/** What may be given, where nothing need be. */
function given(node: z.core.$ZodType): z.core.$ZodType {
  if (node instanceof z.ZodPipe) return given(node.in);
  const isWrapped = node instanceof z.ZodOptional || node instanceof z.ZodDefault || node instanceof z.ZodPrefault;
  return isWrapped ? given(node.unwrap()) : node;
}

function typeOf(type: z.core.$ZodType): LeafType {
  // What has several forms is read as the richest of them.
  if (type instanceof z.ZodUnion) {
    const forms = type.options.map((form) => typeOf(given(form)));
    return (['list', 'boolean'] as const).find((one) => forms.includes(one)) ?? 'string';
  }
  if (type instanceof z.ZodArray) return 'list';
  if (type instanceof z.ZodObject || type instanceof z.ZodRecord) return 'object';
  if (type instanceof z.ZodBoolean) return 'boolean';
  return type instanceof z.ZodNumber ? 'number' : 'string';
}
