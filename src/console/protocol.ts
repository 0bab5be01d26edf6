/** What the console's pages and the server say to each other. Plain JSON; times are Unix ms unless said otherwise. */
export interface SessionInfo {
  /** Undefined: not logged in. */
  readonly role: 'view' | 'control' | undefined;
  readonly user: string | undefined;
  /** To be sent as `x-tandem-csrf` with every POST. */
  readonly csrf: string;
  /** False on loopback without tokens: there is nothing to log in to. */
  readonly loginNeeded: boolean;
  readonly server: { readonly name: string; readonly version: string };
}

export interface CallLeg {
  readonly sessionId: string;
  readonly side: 'caller' | 'callee';
  readonly callId: string;
  readonly uri: string;
  readonly transport: string;
  readonly codec: string | undefined;
  readonly secure: 'none' | 'sdes' | 'dtls';
  readonly held: boolean;
  readonly mos: number | undefined;
}

/** One tracked call (a dialog of the registry). */
export interface CallRow {
  /** `h_entry:h_id`, as `dlg.list` has it. */
  readonly id: string;
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly state: 'unconfirmed' | 'early' | 'confirmed_na' | 'confirmed' | 'deleted';
  readonly startedAt: number;
  readonly answeredAt: number | undefined;
  readonly direction: 'in' | 'out';
  readonly trunk: string | undefined;
  readonly legs: readonly CallLeg[];
  /** What it is with: another call's id, or a conference's name. */
  readonly bridge: string | undefined;
  readonly conference: string | undefined;
  readonly recording: boolean;
  readonly profiles: Readonly<Record<string, string>>;
}

export interface RegistrationRow {
  readonly user: string;
  readonly contact: string;
  readonly transport: string;
  readonly source: string;
  readonly userAgent: string;
  readonly expiresAt: number;
}

export type AgentState = 'idle' | 'ringing' | 'talking' | 'wrap-up' | 'paused' | 'unregistered';

export interface QueueCaller {
  readonly sessionId: string;
  readonly callId: string;
  /** User part of who called; empty where it said none. */
  readonly from: string;
  /** From 1. */
  readonly position: number;
  readonly priority: number;
  readonly since: number;
  /** Agents that ring for it. */
  readonly ringing: readonly string[];
}

export interface QueueInfo {
  readonly name: string;
  /** The first of them, in their order. */
  readonly callers: readonly QueueCaller[];
  /** All that wait. */
  readonly waiting: number;
  readonly agents: readonly {
    readonly name: string;
    readonly state: AgentState;
    /** Calls of this queue. */
    readonly taken: number;
    readonly missed: number;
  }[];
  /** Callers that left, by how: `answered`, `timeout`, `full`, `no-agents`, `abandoned`, `key`. */
  readonly left: Readonly<Record<string, number>>;
}

export interface MailboxCounts {
  readonly name: string;
  readonly new: number;
  readonly saved: number;
}

export interface Totals {
  readonly at: number;
  readonly active: number;
  readonly early: number;
  readonly processed: number;
  readonly failed: number;
  readonly registered: number;
  /** Per second, over the last second(s). */
  readonly callsPerSecond: number;
  readonly messagesPerSecond: number;
  /** ms, 0..1 */
  readonly eventLoopDelay: number;
  readonly cpu: number;
  readonly mos: number | undefined;
}

/** One point of a leg's media, about once a second. */
export interface MediaPoint {
  readonly at: number;
  /** Per cent of the last second. */
  readonly loss: number;
  /** ms */
  readonly jitter: number;
  readonly rtt: number | undefined;
  readonly mos: number | undefined;
  /** Peak level of each 50 ms of what is received, dBFS rounded, -96 = silence. */
  readonly received: readonly number[];
  readonly sent: readonly number[];
}

export interface LadderMessage {
  readonly at: number;
  readonly sessionId: string;
  readonly direction: 'in' | 'out';
  readonly transport: string;
  readonly local: string;
  readonly remote: string;
  /** Request or status line without version. */
  readonly summary: string;
  readonly cseq: string;
  readonly text: string;
}

export interface TimelineEvent {
  readonly at: number;
  readonly name: string;
  readonly sessionId: string | undefined;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface CallDetail {
  readonly call: CallRow;
  readonly variables: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly ladder: readonly LadderMessage[];
  readonly events: readonly TimelineEvent[];
  readonly media: Readonly<Record<string, readonly MediaPoint[]>>;
}

/** Over the WebSocket `/console/stream`, from the server. Lists first, then what changed, at most every 250 ms. */
export type ServerMessage =
  | { readonly type: 'hello'; readonly now: number; readonly history: readonly Totals[] }
  | {
      readonly type: 'calls';
      readonly full: boolean;
      readonly changed: readonly CallRow[];
      readonly gone: readonly string[];
    }
  /** All of them, whenever they changed; `more` are not in the list (of very many the first 2,000 are sent). */
  | { readonly type: 'registrations'; readonly rows: readonly RegistrationRow[]; readonly more?: number }
  /** All of them, before the list of calls and whenever something in them changed; not sent where there are none. */
  | { readonly type: 'pbx'; readonly queues: readonly QueueInfo[]; readonly mailboxes: readonly MailboxCounts[] }
  | { readonly type: 'totals'; readonly totals: Totals }
  | { readonly type: 'call'; readonly id: string; readonly detail: CallDetail | undefined }
  /** Since the last: to be appended. */
  | {
      readonly type: 'call-more';
      readonly id: string;
      readonly call?: CallRow;
      readonly variables?: Readonly<Record<string, string>>;
      readonly ladder?: readonly LadderMessage[];
      readonly events?: readonly TimelineEvent[];
      readonly media?: Readonly<Record<string, MediaPoint>>;
    }
  /** Audio of a call that is listened to: binary messages follow, Int16 little-endian mono at `sampleRate`, 20 ms each. */
  | { readonly type: 'listening'; readonly sessionId: string; readonly sampleRate: number }
  | { readonly type: 'error'; readonly error: string };

/** From the page. */
export type ClientMessage =
  | { readonly type: 'watch'; readonly id: string }
  | { readonly type: 'unwatch'; readonly id: string }
  | { readonly type: 'listen'; readonly sessionId: string }
  | { readonly type: 'unlisten' };

/**
 * `GET /console/finished?search=&before=<next of the page before>&limit=` → newest first.
 * `GET /console/finished/<id>` → CallDetail of a call that is over: what is left of its SIP messages.
 * `GET /console/recordings/<id>` → the audio, with Range.
 */
export interface FinishedPage {
  readonly rows: readonly FinishedRow[];
  readonly more: boolean;
  /** What `before` is for the next page. */
  readonly next?: string;
}

export interface FinishedRow {
  readonly id: string;
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly startedAt: number;
  readonly answeredAt: number | undefined;
  readonly endedAt: number;
  readonly cause: string;
  readonly status: number | undefined;
  readonly recordings: readonly { readonly id: string; readonly name: string }[];
}

/**
 * `GET /console/voicemail` → all mailboxes, by name.
 * `GET /console/voicemail/<box>/<id>` → the message as WAV, with Range; for the role control only.
 */
export interface VoicemailPage {
  readonly boxes: readonly MailboxInfo[];
}

export interface MailboxInfo extends MailboxCounts {
  /** The newest first. */
  readonly messages: readonly MailboxMessage[];
  /** Why its messages cannot be listed. */
  readonly problem?: string;
}

export interface MailboxMessage {
  readonly id: string;
  readonly at: number;
  readonly durationMs: number;
  /** User part of who called, as it said; empty where it said none. */
  readonly from: string;
  readonly fromName: string;
  readonly state: 'new' | 'saved';
}

/** `POST /console/login` as JSON → SessionInfo and the cookie, 401 or 429. `POST /console/logout` → SessionInfo. */
export type LoginRequest = { readonly user: string; readonly password: string } | { readonly token: string };

/**
 * `GET /phone/config`. TURN servers with their credentials are in it for who is logged in only; a phone gets them in the
 * 200 to its REGISTER over `ws` or `wss`: `X-Tandem-Ice: base64url(JSON of iceServers)`, as this list has them.
 */
export interface PhoneConfig {
  /** In order of preference, as `wss://host:8443/ws`. */
  readonly servers: readonly string[];
  /** Host part of users' addresses. */
  readonly domain: string;
  readonly iceServers: readonly {
    readonly urls: readonly string[];
    readonly username?: string;
    readonly credential?: string;
  }[];
}
