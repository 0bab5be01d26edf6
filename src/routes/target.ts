/** Where a call may be sent: what stands behind `to`, behind a key of a menu, and behind `onBusy` and its like. */

/** A file (`builtin:` for those that are shipped), a text that is said, or several of them. */
export type Prompt = string | SpokenPrompt | readonly (string | SpokenPrompt)[];

export interface SpokenPrompt {
  readonly say: string;
  /** BCP 47; default that of the menu. */
  readonly language?: string | undefined;
  readonly voice?: string | undefined;
}

export const serviceNames = ['echo', 'music', 'file', 'record'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What a target is, each with what may be said beside it. */
export const targetKinds = {
  menu: [],
  user: ['timeout', 'onBusy', 'onNoAnswer', 'onUnavailable'],
  ringGroup: ['onBusy', 'onNoAnswer', 'onUnavailable'],
  queue: ['priority', 'onBusy', 'onNoAnswer', 'onUnavailable', 'onKey'],
  trunk: ['number', 'strip', 'add', 'timeout', 'onBusy', 'onNoAnswer', 'onUnavailable'],
  uri: ['timeout', 'onBusy', 'onNoAnswer', 'onUnavailable'],
  script: [],
  voicemail: [],
  messages: [],
  park: [],
  retrieve: ['slot'],
  conference: [],
  service: ['prompt', 'until'],
  play: [],
  reject: ['reason'],
  remote: ['timeout', 'answer'],
  dial: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type TargetKind = keyof typeof targetKinds;

/** One of the kinds, and what belongs to it. `$0` in a text is the called number, `$1` what the first brackets took. */
export interface Target {
  readonly menu?: string | undefined;
  readonly user?: string | undefined;
  readonly ringGroup?: string | undefined;
  readonly queue?: string | undefined;
  readonly trunk?: string | undefined;
  readonly uri?: string | undefined;
  readonly script?: string | undefined;
  readonly voicemail?: string | undefined;
  /** The mailbox that is listened to. */
  readonly messages?: string | undefined;
  readonly park?: string | undefined;
  /** The parking lot that a call is taken back from. */
  readonly retrieve?: string | undefined;
  readonly conference?: string | undefined;
  readonly service?: ServiceName | undefined;
  readonly play?: Prompt | undefined;
  readonly reject?: number | undefined;
  readonly remote?: string | undefined;
  /** A number, as if it had been called. */
  readonly dial?: string | undefined;

  readonly number?: string | undefined;
  readonly strip?: number | undefined;
  readonly add?: string | undefined;
  readonly slot?: string | undefined;
  readonly prompt?: Prompt | undefined;
  readonly until?: string | undefined;
  readonly reason?: string | undefined;
  readonly answer?: boolean | undefined;
  readonly priority?: number | undefined;
  /** ms */
  readonly timeout?: number | undefined;

  readonly onBusy?: Target | undefined;
  readonly onNoAnswer?: Target | undefined;
  readonly onUnavailable?: Target | undefined;
  readonly onKey?: Target | undefined;
}

export const fallbackNames = ['onBusy', 'onNoAnswer', 'onUnavailable', 'onKey'] as const;

/** The kinds that a target names; a good one names one. */
export function kindsOf(target: object): TargetKind[] {
  return (Object.keys(targetKinds) as TargetKind[]).filter((kind) => (target as Target)[kind] !== undefined);
}

/** Of a target that was checked. */
export function kindOf(target: Target): TargetKind {
  return kindsOf(target)[0] as TargetKind;
}

/** People and what costs money: who is neither a user nor comes by a trunk does not get there, unless a route says so. */
const forKnown: ReadonlySet<TargetKind> = new Set([
  'user',
  'ringGroup',
  'queue',
  'trunk',
  'uri',
  'voicemail',
  'messages',
  'park',
  'retrieve',
  'dial',
]);

/** Whether strangers may not have it where nothing is said. */
export function isForKnown(target: Target): boolean {
  return forKnown.has(kindOf(target));
}
