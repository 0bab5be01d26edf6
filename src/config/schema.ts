/** Every setting, with its type, bounds and default. The only file that knows zod. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { logLevels } from '../base/log.ts';

const milliseconds = z.int().min(0).max(86_400_000);
const sessionSeconds = z.int().min(1).max(1_814_400);
const port = z.int().min(0).max(65_535);
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

const later = (what: string) => z.string().min(1).default('none').describe(`${what}; "none" is all there is for now`);

const schema = z.strictObject({
  listen: z
    .array(z.union([listenerText, listener]))
    .min(1)
    .default(['udp:0.0.0.0:5060', 'tcp:0.0.0.0:5060'])
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
    .optional()
    .describe('pages that may connect to ws and wss, as https://example.com; default all'),
  userAgent: z.string().min(1).default('Tandem').describe('the User-Agent and Server header'),
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
      codecs: z.array(z.string().min(1)).min(1).default(['PCMU', 'PCMA', 'L16', 'telephone-event']),
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
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
  http: z.strictObject({ listen: later('host:port of console, JSON-RPC and metrics') }).prefault({}),
  control: z.strictObject({ path: later('the control socket') }).prefault({}),
  store: z.strictObject({ url: later('the database'), mode: later('when dialogs are written') }).prefault({}),
});

export type Config = z.output<typeof schema>;
export type ListenerConfig = z.output<typeof listener>;

export interface ConfigIssue {
  /** `media.rtpPorts.min`; of a list, the list's. */
  readonly key: string;
  readonly message: string;
}

/** @param values a tree of settings; what is missing gets its default. */
export function checkConfig(values: unknown): { readonly config: Config } | { readonly issue: ConfigIssue } {
  const parsed = schema.safeParse(values);
  if (parsed.success) return { config: parsed.data };
  const [first] = parsed.error.issues;
  const names = (first?.path ?? []).filter((step) => typeof step === 'string');
  // A listener given as text fails the union as a whole; its own message says more.
  const inner =
    first?.code === 'invalid_union' ? first.errors.flat().find(({ code }) => code !== 'invalid_type') : first;
  return { issue: { key: names.join('.'), message: (inner ?? first)?.message ?? 'is not valid' } };
}

/** JSON Schema of the configuration file. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema, { io: 'input' });
}

export type LeafType = 'string' | 'number' | 'boolean' | 'list' | 'object';

/** Every setting by its path, in the order of the schema. */
export const leaves: ReadonlyMap<string, LeafType> = new Map(leavesOf(configJsonSchema(), ''));

interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

function leavesOf(node: JsonSchema, path: string): [string, LeafType][] {
  if (!node.properties) return [[path, typeOf(node)]];
  return Object.entries(node.properties).flatMap(([key, child]) => leavesOf(child, path ? `${path}.${key}` : key));
}

function typeOf({ type }: JsonSchema): LeafType {
  if (type === 'array') return 'list';
  if (type === 'object' || type === 'boolean') return type;
  return type === 'integer' || type === 'number' ? 'number' : 'string';
}
