/** What remote controllers may ask for, and with which parameters. Times are milliseconds. */
import { z } from 'zod';

const milliseconds = z.int().min(1).max(86_400_000);
const call = z.string().min(1).max(256).describe('session id or Call-ID of the call');
const text = (most: number) => z.string().min(1).max(most);
const uri = text(2048);
const wait = (byDefault: boolean) =>
  z
    .boolean()
    .default(byDefault)
    .describe(
      'false: the reply comes at once, with the operation, and operation:done or operation:failed tell the rest',
    );

const frequency = z.number().min(1).max(20_000);
const tone = z.union([
  z.enum(['ringback', 'ringbackUs', 'busy', 'busyUs', 'congestion']),
  z.strictObject({
    frequencies: z.array(frequency).min(1).max(8).describe('Hz'),
    cadence: z.array(milliseconds).max(16).default([]).describe('on, off, …; none: without a pause'),
    level: z.number().min(-60).max(0).default(-20).describe('dB'),
  }),
]);
const language = text(35).describe('BCP 47, as en-GB');
const sound = z.union([
  z.strictObject({ file: text(1024) }),
  z.strictObject({ url: z.url({ protocol: /^https?$/ }) }),
  z.strictObject({ say: text(4096), voice: text(64).optional(), language: language.optional() }),
  z.strictObject({ tone, duration: milliseconds.optional() }),
]);
const sounds = z.union([sound, z.array(sound).min(1).max(100)]);

const loop = z.union([z.boolean(), z.int().min(1).max(1_000_000)]).describe('true: again and again; or so many times');
const bargeIn = z.union([z.boolean(), z.enum(['dtmf', 'speech'])]).describe('what the peer stops it with');
const volume = z.number().min(0).max(4);
const keys = z.string().regex(/^[0-9A-D*#]{1,16}$/, 'expected keys');
const headers = z.record(text(128), z.string().max(2048)).describe('more of the request, by name');

const oneOf = ['file', 'url', 'list', 'tone'] as const;

export type Tone = z.output<typeof tone>;
export type Sound = z.output<typeof sound>;

interface Command {
  readonly help: string;
  readonly params: z.ZodObject;
  readonly changes: boolean;
  readonly secret?: readonly string[];
}

function changes<S extends z.ZodObject>(help: string, params: S, secret: readonly string[] = []) {
  return { help, params, changes: true, secret } as const;
}

function looks<S extends z.ZodObject>(help: string, params: S) {
  return { help, params, changes: false } as const;
}

export const callCommands = {
  'call.originate': changes(
    'Call somebody; the call is the controller’s when it is answered.',
    z.strictObject({
      uri,
      from: uri.optional().describe('our own address'),
      displayName: text(256).optional(),
      timeout: milliseconds.default(60_000).describe('for how long it may ring'),
      headers: headers.optional(),
      variables: z.record(text(128), z.string().max(4096)).optional(),
      username: text(256).optional(),
      password: text(256).optional(),
      proxy: uri.optional(),
      transport: z.enum(['udp', 'tcp', 'tls', 'ws', 'wss']).optional(),
      codecs: z.array(text(32)).min(1).max(16).optional(),
      park: z
        .strictObject({ timeout: milliseconds.optional(), name: text(64).optional() })
        .optional()
        .describe('when it is answered, it waits so long for any controller to take it'),
      wait: wait(true),
    }),
    ['password'],
  ),
  'call.list': looks('The calls that run.', z.strictObject({ parked: z.boolean().default(false) })),
  'call.get': looks('One call.', z.strictObject({ call })),
  'call.take': changes(
    'Look after a parked call from now on.',
    z.strictObject({ call, force: z.boolean().default(false).describe('even if another controller does') }),
  ),
  'call.release': changes(
    'Give a parked call back to its script; one that was originated ends.',
    z.strictObject({ call, result: z.string().max(4096).optional().describe('what the script gets to know') }),
  ),
  'call.ringing': changes('Let the caller hear it ring (180).', z.strictObject({ call })),
  'call.answer': changes('Answer an incoming call.', z.strictObject({ call })),
  'call.reject': changes(
    'Refuse an incoming call.',
    z.strictObject({ call, status: z.int().min(400).max(699).default(480), reason: text(128).optional() }),
  ),
  'call.redirect': changes('Send an incoming call elsewhere (302).', z.strictObject({ call, uri })),
  'call.play': changes(
    'Play a file, a URL, a tone, or a list of such.',
    z
      .strictObject({
        call,
        file: text(1024).optional(),
        url: z.url({ protocol: /^https?$/ }).optional(),
        list: z.array(sound).min(1).max(100).optional(),
        tone: tone.optional(),
        duration: milliseconds.optional().describe('of the tone'),
        loop: loop.optional(),
        volume: volume.optional(),
        from: z.int().min(0).optional().describe('ms from its start'),
        bargeIn: bargeIn.optional(),
        wait: wait(true),
      })
      .refine((params) => oneOf.filter((name) => params[name] !== undefined).length === 1, {
        message: `needs one of ${oneOf.join(', ')}`,
      }),
  ),
  'call.say': changes(
    'Say a text.',
    z.strictObject({
      call,
      text: text(4096),
      voice: text(64).optional(),
      language: language.optional(),
      loop: loop.optional(),
      volume: volume.optional(),
      bargeIn: bargeIn.optional(),
      wait: wait(true),
    }),
  ),
  'call.gather': changes(
    'Collect keys that are pressed, or what is said.',
    z.strictObject({
      call,
      digits: z.int().min(1).max(100).optional().describe('how many at the most'),
      terminators: z
        .string()
        .regex(/^[0-9A-D*#]*$/, 'expected keys')
        .optional(),
      timeout: milliseconds.optional().describe('for the first'),
      interDigitTimeout: milliseconds.optional(),
      play: sounds.optional().describe('until the first key'),
      secret: z
        .boolean()
        .optional()
        .describe('meanwhile nothing is recorded, and no event tells the keys: only the reply does'),
      speech: z.boolean().optional(),
      language: language.optional(),
      wait: wait(true),
    }),
  ),
  'call.record': changes(
    'Record both directions to a WAV file.',
    z.strictObject({
      call,
      file: text(1024).regex(/\.wav$/i, 'expected a name that ends in .wav'),
      direction: z.enum(['both', 'in', 'out']).optional(),
      channels: z.union([z.literal(1), z.literal(2)]).optional(),
      maxDuration: milliseconds.optional(),
      maxSilence: milliseconds.optional(),
      trimSilence: z.boolean().optional(),
      beep: z.boolean().optional(),
      pauseOn: keys.optional().describe('keys of both sides that let it rest'),
      resumeOn: keys.optional().describe('and go on; default the same again'),
      announce: sounds.optional().describe('both sides hear it first'),
      consent: z
        .strictObject({
          play: sounds,
          accept: keys.optional().describe('keys that say yes; default 1'),
          timeout: milliseconds.optional(),
          tries: z.int().min(1).max(10).optional(),
          silence: z.enum(['refuse', 'accept']).optional(),
        })
        .optional()
        .describe('the peer is asked first; without a yes nothing is recorded, and end is refused'),
      wait: wait(false),
    }),
  ),
  'call.record_pause': changes('Let the recordings of a call rest.', z.strictObject({ call })),
  'call.record_resume': changes('Let the recordings of a call go on.', z.strictObject({ call })),
  'call.stop': changes(
    'Stop a running operation; of a call all of them.',
    z
      .strictObject({ operation: text(256).optional(), call: call.optional() })
      .refine(({ operation, call: of }) => (operation === undefined) !== (of === undefined), {
        message: 'needs operation or call',
      }),
  ),
  'call.bridge': changes(
    'Let two calls hear each other; an incoming one is answered if need be.',
    z.strictObject({
      call,
      with: call,
      transcode: z.boolean().default(true),
      hangup: z.boolean().default(true).describe('when one of them ends, so does the other'),
      wait: wait(false),
    }),
  ),
  'call.transfer': changes(
    'Ask the peer to call somebody else, or whom another call is with.',
    z
      .strictObject({
        call,
        to: uri.optional(),
        with: call.optional().describe('the call whose peer it is to speak with'),
        timeout: milliseconds.optional(),
        hangup: z.boolean().default(true).describe('end the call when that went well'),
        wait: wait(true),
      })
      .refine(({ to, with: other }) => (to === undefined) !== (other === undefined), { message: 'needs to or with' }),
  ),
  'call.hold': changes('Hold the peer.', z.strictObject({ call, music: sounds.optional() })),
  'call.unhold': changes('Take the peer off hold.', z.strictObject({ call })),
  'call.mute': changes(
    'Let the peer be heard no more, or again.',
    z.strictObject({ call, on: z.boolean().default(true) }),
  ),
  'call.dtmf': changes(
    'Press keys.',
    z.strictObject({
      call,
      digits: z.string().regex(/^[0-9A-D*#]{1,100}$/, 'expected keys'),
      via: z.enum(['rfc4733', 'info', 'info-dtmf', 'inband']).optional(),
      duration: z.int().min(40).max(5000).optional().describe('of each key'),
      gap: z.int().min(20).max(5000).optional(),
      wait: wait(true),
    }),
    ['digits'],
  ),
  'call.set_var': changes(
    'Set a variable of the call, or take it away.',
    z.strictObject({ call, name: text(128), value: z.string().max(4096).optional() }),
  ),
  'call.get_var': looks('A variable of the call.', z.strictObject({ call, name: text(128) })),
  'call.conference': changes(
    'Take the call into a conference, or out of it.',
    z
      .strictObject({
        call,
        action: z.enum(['join', 'leave']).default('join'),
        name: text(128).optional(),
        muted: z.boolean().default(false),
      })
      .refine(({ action, name }) => action === 'leave' || name !== undefined, { message: 'join needs a name' }),
  ),
  'call.hangup': changes('End the call.', z.strictObject({ call, reason: text(128).optional() })),
} as const satisfies Readonly<Record<string, Command>>;

export type CallCommand = keyof typeof callCommands;
export type Params<N extends CallCommand> = z.output<(typeof callCommands)[N]['params']>;
