/** What a line of a lab phone does wrong, when it is told to. */
export interface Misbehaviour {
  /** The ACK of a 2xx: never, or so many milliseconds later. */
  readonly ack?: 'never' | { readonly afterMs: number };
  /** Acknowledges no provisional response (RFC 3262). */
  readonly prack?: 'never';
  /** Sends every SIP message so many times, one behind the other. */
  readonly copies?: number;
  /** Holds back every SIP message for so many milliseconds. */
  readonly lateMs?: number;
  /** Methods of requests that it takes as if they had not come: `['BYE', 'INVITE', 'ACK']`. */
  readonly ignores?: readonly string[];
  /** Answers these requests with that status: `{ BYE: 481 }`. A re-INVITE counts as INVITE. */
  readonly refuses?: Readonly<Record<string, number>>;
  /** What becomes of the SDP it would send; an empty text leaves it out. */
  readonly sdp?: (sdp: string) => string;
  /** What becomes of a whole message before it is sent. */
  readonly garble?: (message: string) => string;
  /** Sends no request and no response a second time, whatever gets lost. */
  readonly sendsOnce?: boolean;
}
