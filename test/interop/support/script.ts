/**
 * What sipp does, step by step, written as it reads in a call flow and printed as one of its scenarios:
 *
 *   const caller = new Script('hangs up').asks('INVITE', { sdp: {} }).hears(200).asks('BYE').hears(200);
 *   const callee = new Script('answers').isAsked('INVITE').says('200 OK', { sdp: {} }).isAsked('ACK');
 *
 * A final response to an INVITE is acknowledged by itself. Patterns are POSIX regular expressions, looked for in the
 * whole message.
 */

export interface Sdp {
  readonly direction?: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  readonly codec?: 'PCMU' | 'PCMA';
}

interface Content {
  /** Header lines; `[…]` are sipp's keywords and variables. */
  readonly headers?: readonly string[];
  readonly sdp?: Sdp | undefined;
  readonly body?: readonly string[];
}

export interface Request extends Content {
  /** User of From, and of To in a REGISTER. */
  readonly user?: string;
  readonly maxForwards?: number;
  /** Host of From. */
  readonly host?: string;
  /** The second call of this script (1), not the first (0). */
  readonly call?: 0 | 1;
}

export interface Expected {
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
  /** Variables: name → the header and the part of it that is kept. */
  readonly keep?: Readonly<Record<string, readonly [header: string, pattern: string]>>;
}

interface Heard extends Expected {
  readonly call?: 0 | 1;
  /** It answers the INVITE, not what was asked since. */
  readonly late?: boolean;
}

interface Said extends Content {
  /** Of the dialog, where there are several (a fork behind us). */
  readonly tag?: string;
  /** It answers the INVITE, not what came since. */
  readonly late?: boolean;
}

const contact = 'Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>';
const ownTag = '[pid]sipp[call_number]';
const provisional = [100, 180, 183];

export class Script {
  readonly name: string;
  readonly #steps: string[] = [];
  readonly #variables = new Set<string>();
  readonly #calls = [newCall(''), newCall('second///')];
  #role: 'caller' | 'callee' | undefined;
  /** Method of the last request, ours or theirs. */
  #asked = '';
  #isAskedFirst = false;
  #user = 'sipp';
  #host = '[local_ip]:[local_port]';
  /** INVITEs that sipp got. */
  #invites = 0;
  #isInviteFirst = false;
  #sdpVersion = 0;
  #labels = 0;
  readonly #routed: boolean;

  /** @param options.routed what it sends in its call goes by the proxies that recorded their route */
  constructor(name: string, options: { readonly routed?: boolean } = {}) {
    this.name = name;
    this.#routed = options.routed ?? false;
  }

  // ---- requests of sipp

  /** A request: in the dialog, once there is one. */
  asks(method: string, options: Request = {}): this {
    this.#role ??= 'caller';
    const call = this.#calls[options.call ?? 0]!;
    call.cseq++;
    if (method === 'INVITE') call.inviteCseq = call.cseq;
    this.#asked = method;
    this.#user = options.user ?? this.#user;
    this.#host = options.host ?? this.#host;
    const uri = call.tag || this.#role === 'callee' ? '[next_url]' : service;
    return this.#send('retrans="500"', [
      `${method} ${uri} SIP/2.0`,
      'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
      `Max-Forwards: ${options.maxForwards ?? 70}`,
      ...this.#addresses(call, method),
      `CSeq: ${call.cseq} ${method}`,
      ...(method === 'REGISTER' ? [] : [contact]),
      ...this.#content(options),
    ]);
  }

  /** A response to what was asked last; provisional ones may come before it. */
  hears(status: number, expected: Heard = {}): this {
    const call = this.#calls[expected.call ?? 0]!;
    const isInvite = this.#asked === 'INVITE' || expected.late === true;
    if (isInvite && status >= 180)
      for (const one of provisional.filter((other) => other !== status))
        this.#steps.push(`<recv response="${one}" optional="true" />`);
    const actions = this.#actions(expected);
    const isDialog = isInvite || this.#asked === 'SUBSCRIBE';
    const begins = this.#role === 'caller' && !call.tag && status > 100 && status < 300 && isDialog;
    if (begins) {
      call.tag = this.#named(`tag${expected.call ?? 0}`);
      actions.push(ereg('tag=([^;[:space:]]+)', `${this.#variable()},${call.tag}`, 'To:'));
    }
    const challenge = status === 401 || status === 407 ? ' auth="true"' : '';
    const learns = isDialog && status > 100 && status < 300 ? ' rrs="true"' : '';
    this.#receive(`response="${status}"${challenge}${learns}`, actions);
    if (isInvite && status >= 200) this.#acks(status, call);
    return this;
  }

  // ---- requests that sipp gets

  /** The first one of a script begins its call. */
  isAsked(method: string, expected: Expected = {}): this {
    const isFirst = this.#role === undefined;
    this.#role ??= 'callee';
    const actions = this.#actions(expected);
    if (method === 'INVITE') {
      this.#invites++;
      this.#isInviteFirst = isFirst;
      if (isFirst) actions.push(ereg('[0-9.]+:[0-9]+', this.#named('at'), 'Contact:'));
      for (const name of ['Via', 'From', 'To', 'CSeq'])
        actions.push(ereg('.*', this.#named(`${name}${this.#invites}`), `${name}:`));
    }
    this.#isAskedFirst = isFirst || outside.has(method);
    this.#asked = method;
    return this.#receive(`request="${method}"${isFirst ? ' rrs="true"' : ''}`, actions);
  }

  /** A response to what sipp was asked last. */
  says(statusLine: string, options: Said = {}): this {
    const { tag = ownTag, late = false } = options;
    const repeated = !statusLine.startsWith('1') && (late || this.#asked === 'INVITE') ? 'retrans="500"' : '';
    const needsTag = late ? this.#isInviteFirst : this.#isAskedFirst;
    const copied = (name: string): string => (late ? `${name}:[$${name}${this.#invites}]` : `[last_${name}:]`);
    return this.#send(repeated, [
      `SIP/2.0 ${statusLine}`,
      copied('Via'),
      copied('From'),
      `${copied('To')}${needsTag ? `;tag=${tag}` : ''}`,
      '[last_Call-ID:]',
      copied('CSeq'),
      ...(this.#asked === 'REGISTER' ? [] : [contact]),
      ...this.#content(options),
    ]);
  }

  /** NOTIFYs of a transfer, up to this final status. */
  isTold(status: number): this {
    const [again, over] = [this.#label(), this.#label()];
    const isLast = this.#variable();
    this.#mark(again).#notified(status, isLast, ` next="${over}" test="${isLast}"`).#accepts(again);
    return this.#mark(over).#accepts();
  }

  /** NOTIFYs of a transfer that goes well, and the BYEs of both calls, as they come. */
  isLeftByBoth(): this {
    for (let byes = 0; byes < 2; byes++) {
      const [again, bye] = [this.#label(), this.#label()];
      this.#mark(again).#receive(`request="BYE" optional="true" next="${bye}"`, []);
      this.#notified(200, this.#variable()).#accepts(again);
      this.#mark(bye).#accepts();
    }
    return this;
  }

  /** The INVITE that sipp got comes back to the server, as if proxies had sent it round. @param user whom it is for now */
  returns(user: string): this {
    this.#asked = 'INVITE';
    return this.#send('retrans="500"', [
      `INVITE sip:${user}@[$at] SIP/2.0`,
      'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
      'Max-Forwards: 60',
      'From:[$From1]',
      'To:[$To1]',
      '[last_Call-ID:]',
      'CSeq:[$CSeq1]',
      contact,
      ...this.#content({ sdp: {} }),
    ]);
  }

  /** Does nothing for so long. */
  waits(ms: number): this {
    this.#steps.push(`<pause milliseconds="${ms}" />`);
    return this;
  }

  /** sipp's own format. */
  toString(): string {
    const used = [...this.#variables].join(',');
    return [
      '<?xml version="1.0" encoding="ISO-8859-1" ?>',
      `<scenario name="${this.name}">`,
      ...this.#steps,
      ...(used === '' ? [] : [`<Reference variables="${used}" />`]),
      '</scenario>',
      '',
    ].join('\n');
  }

  // ---- parts

  /** @param status of the response that it is for */
  #acks(status: number, call: Call): void {
    const cseq = `CSeq: ${call.inviteCseq} ACK`;
    if (status >= 300) {
      const lines = ['[last_Via:]', 'Max-Forwards: 70', '[last_From:]', '[last_To:]', '[last_Call-ID:]'];
      this.#send('', [`ACK ${service} SIP/2.0`, ...lines, cseq]);
      return;
    }
    this.#send('', [
      'ACK [next_url] SIP/2.0',
      'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
      'Max-Forwards: 70',
      ...this.#addresses(call, 'ACK'),
      cseq,
    ]);
  }

  #notified(status: number, isLast: string, jump = ''): this {
    return this.#receive(`request="NOTIFY"${jump}`, [
      check(`active.*SIP/2.0 1[0-9][0-9]|terminated.*SIP/2.0 ${status}`, this.#variable()),
      ereg('terminated', isLast, 'Subscription-State:'),
    ]);
  }

  /** 200. @param next label to go on at: what comes at once after it would find sipp at a step of its own */
  #accepts(next?: number): this {
    const lines = ['SIP/2.0 200 OK', '[last_Via:]', '[last_From:]', '[last_To:]', '[last_Call-ID:]', '[last_CSeq:]'];
    return this.#send(next === undefined ? '' : `next="${next}"`, lines);
  }

  #label(): number {
    return ++this.#labels;
  }

  #mark(label: number): this {
    this.#steps.push(`<label id="${label}" />`);
    return this;
  }

  #addresses(call: Call, method: string): string[] {
    const routes = this.#routed && (call.tag !== '' || this.#role === 'callee') ? ['[routes]'] : [];
    if (this.#role === 'callee')
      return [...routes, `From:[$To1];tag=${ownTag}`, 'To:[$From1]', `Call-ID: ${call.prefix}[call_id]`];
    const own = `sip:${this.#user}@${this.#host}`;
    const to = method === 'REGISTER' ? `sip:${this.#user}@[remote_ip]:[remote_port]` : service;
    const from = method === 'REGISTER' ? to : own;
    return [
      ...routes,
      `From: <${from}>;tag=${ownTag}`,
      `To: <${to}>${call.tag ? `;tag=[$${call.tag}]` : ''}`,
      `Call-ID: ${call.prefix}[call_id]`,
    ];
  }

  #content({ headers = [], sdp, body }: Content): string[] {
    const lines = body ?? (sdp && this.#sdp(sdp));
    if (!lines) return [...headers, 'Content-Length: 0'];
    const type = headers.some((line) => /^content-type:/i.test(line)) ? [] : ['Content-Type: application/sdp'];
    return [...headers, ...type, 'Content-Length: [len]', '', ...lines];
  }

  #sdp({ direction = 'sendrecv', codec = 'PCMU' }: Sdp): string[] {
    const type = codec === 'PCMU' ? 0 : 8;
    return [
      'v=0',
      `o=sipp 1 ${++this.#sdpVersion} IN IP[local_ip_type] [local_ip]`,
      's=-',
      'c=IN IP[media_ip_type] [media_ip]',
      't=0 0',
      `m=audio [media_port] RTP/AVP ${type} 101`,
      `a=rtpmap:${type} ${codec}/8000`,
      'a=rtpmap:101 telephone-event/8000',
      `a=${direction}`,
    ];
  }

  #actions({ has = [], lacks = [], keep = {} }: Expected): string[] {
    return [
      ...has.map((pattern) => check(pattern, this.#variable())),
      ...lacks.map((pattern) => check(pattern, this.#variable(), 'check_it_inverse')),
      ...Object.entries(keep).map(([name, [header, pattern]]) => ereg(pattern, this.#named(name), `${header}:`)),
    ];
  }

  #variable(): string {
    return this.#named(`v${this.#variables.size}`);
  }

  #named(name: string): string {
    this.#variables.add(name);
    return name;
  }

  #send(attributes: string, lines: readonly string[]): this {
    const whole = lines.some((line) => line.startsWith('Content-Length:')) ? lines : [...lines, 'Content-Length: 0'];
    // sipp takes an empty line for the end of the head, and wants one there.
    const end = whole.at(-1) === 'Content-Length: 0' ? '\n' : '';
    this.#steps.push(`<send ${attributes}><![CDATA[\n\n${whole.join('\n')}\n${end}\n]]></send>`);
    return this;
  }

  #receive(attributes: string, actions: readonly string[]): this {
    const all = actions.join('\n');
    this.#steps.push(`<recv ${attributes}>${all === '' ? '' : `<action>\n${all}\n</action>`}</recv>`);
    return this;
  }
}

/** Requests that have no tag in To. */
const outside: ReadonlySet<string> = new Set(['CANCEL', 'REGISTER', 'OPTIONS']);
const service = 'sip:[service]@[remote_ip]:[remote_port]';

interface Call {
  readonly prefix: string;
  cseq: number;
  inviteCseq: number;
  /** Variable with the tag of the other side. */
  tag: string;
}

function newCall(prefix: string): Call {
  return { prefix, cseq: 0, inviteCseq: 1, tag: '' };
}

function ereg(pattern: string, variable: string, header: string): string {
  return `<ereg regexp="${escaped(pattern)}" search_in="hdr" header="${header}" check_it="false" assign_to="${variable}" />`;
}

function check(pattern: string, variable: string, how = 'check_it'): string {
  return `<ereg regexp="${escaped(pattern)}" search_in="msg" ${how}="true" assign_to="${variable}" />`;
}

/** sipp knows no entities: any character will do in the place of what XML keeps for itself. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, '.');
}
