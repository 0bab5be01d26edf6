/**
 * SIP as text, as a phone of the lab reads and writes it: line by line, trusting nothing and checking little. It has
 * nothing of the server's own parser, so that no mistake of that one is a mistake of both.
 */

export type HeaderLine = readonly [name: string, value: string];

/** Compact forms (RFC 3261 §7.3.3). */
const longNames: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  c: 'content-type',
  l: 'content-length',
  k: 'supported',
  e: 'content-encoding',
  s: 'subject',
  r: 'refer-to',
  o: 'event',
};

export class SipText {
  /** As it was on the wire, in Latin-1. */
  readonly text: string;
  /** Milliseconds since the lab's start. */
  readonly at: number;
  readonly startLine: string;
  /** `INVITE`; empty for what is no request. */
  readonly method: string;
  /** Of a request. */
  readonly uri: string;
  /** `180`; 0 for what is no response. */
  readonly status: number;
  readonly reason: string;
  /** In their order. Names are in lower case, and long. */
  readonly headers: readonly HeaderLine[];
  readonly body: string;

  constructor(text: string, at: number) {
    this.text = text;
    this.at = at;
    const end = text.indexOf('\r\n\r\n');
    const head = end < 0 ? text : text.slice(0, end);
    this.body = end < 0 ? '' : text.slice(end + 4);
    const [start = '', ...lines] = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
    this.startLine = start;
    const response = /^SIP\/2\.0 (\d{3})(?: (.*))?$/.exec(start);
    this.status = response ? Number(response[1]) : 0;
    this.reason = response?.[2] ?? '';
    const request = /^(\S+) (\S+) SIP\/2\.0$/.exec(start);
    this.method = request?.[1] ?? '';
    this.uri = request?.[2] ?? '';
    this.headers = lines.map((line) => {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).trim().toLowerCase();
      return [longNames[name] ?? name, line.slice(colon + 1).trim()];
    });
  }

  /** The first value of a header; empty when it is not there. */
  header(name: string): string {
    const lower = name.toLowerCase();
    return this.headers.find(([one]) => one === lower)?.[1] ?? '';
  }

  /** All values of a header, those in one line too. */
  all(name: string): string[] {
    const lower = name.toLowerCase();
    return this.headers.filter(([one]) => one === lower).flatMap(([, value]) => splitList(value));
  }

  get callId(): string {
    return this.header('call-id');
  }

  get cseq(): { readonly seq: number; readonly method: string } {
    const [seq = '', method = ''] = this.header('cseq').split(/\s+/);
    return { seq: Number(seq), method };
  }

  get fromTag(): string {
    return tagIn(this.header('from'));
  }

  get toTag(): string {
    return tagIn(this.header('to'));
  }

  /** Of the top Via. */
  get branch(): string {
    return /;\s*branch=([^;,\s]+)/i.exec(this.header('via'))?.[1] ?? '';
  }

  /** The URI in Contact, From and the like. */
  uriOf(name: string): string {
    return uriIn(this.header(name));
  }

  /** `INVITE`, or `180`: how a script names it. */
  get what(): string {
    return this.status > 0 ? String(this.status) : this.method;
  }
}

/** What makes a message: its length is counted. */
export function compose(startLine: string, headers: readonly HeaderLine[], body = ''): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return [startLine, ...lines, `Content-Length: ${Buffer.byteLength(body, 'latin1')}`, '', body].join('\r\n');
}

/** A phone's own headers and those that a script wants: of one name the script's alone. */
export function overruled(own: readonly HeaderLine[], wanted: readonly HeaderLine[]): readonly HeaderLine[] {
  const names = new Set(wanted.map(([name]) => name.toLowerCase()));
  return [...own.filter(([name]) => !names.has(name.toLowerCase())), ...wanted];
}

export function tagIn(value: string): string {
  return /;\s*tag=([^;\s]+)/i.exec(value.slice(value.lastIndexOf('>') + 1))?.[1] ?? '';
}

export function uriIn(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]?.trim() ?? '';
}

/** Commas outside of quotes and angle brackets. */
function splitList(value: string): string[] {
  const parts: string[] = [];
  let [depth, quoted, from] = [0, false, 0];
  for (let i = 0; i < value.length; i++) {
    const char = value[i];
    if (quoted && char === '\\') i++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === '<') depth++;
    else if (!quoted && char === '>') depth--;
    else if (!quoted && depth === 0 && char === ',') {
      parts.push(value.slice(from, i).trim());
      from = i + 1;
    }
  }
  return [...parts, value.slice(from).trim()];
}

export interface SipTarget {
  readonly host: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
  readonly user: string;
}

/** Where a SIP URI points. */
export function targetOf(uri: string): SipTarget | undefined {
  const match = /^sip:(?:([^@]*)@)?(\[[^\]]+\]|[^:;?>]+)(?::(\d+))?([^?]*)/i.exec(uri);
  if (!match) return undefined;
  const [, user = '', host = '', port, params = ''] = match;
  return {
    user,
    host: host.replace(/^\[|\]$/g, ''),
    port: port === undefined ? 5060 : Number(port),
    transport: /;transport=tcp/i.test(params) ? 'tcp' : 'udp',
  };
}
