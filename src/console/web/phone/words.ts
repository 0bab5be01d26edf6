/** What went wrong, in words that tell what to do. Pure. */

export interface Problem {
  readonly title: string;
  readonly advice: string;
  /** A page that helps. */
  readonly link?: string;
}

/** Of a server that the page's Content-Security-Policy does not name. */
export function forbiddenProblem(server: string): Problem {
  return {
    title: 'This page may not use that server',
    advice: `Pages speak only with servers that their own one names. ${server} is none of them: see webrtc.servers.`,
  };
}

/** Of a REGISTER; status undefined: none came. */
export function registrationProblem(status: number | undefined, server: string): Problem {
  switch (status) {
    case undefined:
      return {
        title: 'The server cannot be reached',
        advice: `No answer from ${server}. Is it running, and does the network let you through?`,
      };
    case 401:
    case 403:
    case 407:
      return { title: 'Wrong user or password', advice: 'Please check both; capital letters count.' };
    case 404:
      return { title: 'This user is unknown', advice: 'The server has no user of that name.' };
    case 423:
    case 400:
      return { title: 'The server did not understand', advice: `It answered ${status}.` };
    case 429:
    case 503:
      return { title: 'The server is busy', advice: 'It takes no registrations now. It is tried again shortly.' };
    default:
      return { title: 'Registering failed', advice: `The server answered ${status}.` };
  }
}

const refusals: Readonly<Record<number, Problem>> = {
  401: { title: 'Not allowed', advice: 'The server did not take your password for this call.' },
  403: { title: 'Not allowed', advice: 'You may not call this number.' },
  404: { title: 'Number unknown', advice: 'Nobody has this number. Please check it.' },
  408: { title: 'No answer', advice: 'Nobody answered in time.' },
  410: { title: 'Number gone', advice: 'This number is no longer in use.' },
  415: { title: 'No common audio', advice: 'The other side cannot take browser audio.' },
  480: { title: 'Not available', advice: 'The person cannot be reached now.' },
  481: { title: 'Call gone', advice: 'The server knows this call no longer.' },
  484: { title: 'Number incomplete', advice: 'There are digits missing.' },
  486: { title: 'Busy', advice: 'The line is in use. Try again later.' },
  487: { title: 'Cancelled', advice: 'The call ended before it was answered.' },
  488: { title: 'No common audio', advice: 'The two sides have no codec in common.' },
  500: { title: 'Server error', advice: 'Something failed at the server. Its log tells more.' },
  503: { title: 'Server busy', advice: 'The server takes no calls now. Try again shortly.' },
  504: { title: 'No answer', advice: 'A server behind this one did not answer.' },
  600: { title: 'Busy', advice: 'The line is in use everywhere. Try again later.' },
  603: { title: 'Declined', advice: 'The call was not taken.' },
};

/** Of a call that was not answered, by the status of its refusal. */
export function callProblem(status: number): Problem {
  return refusals[status] ?? { title: 'The call failed', advice: `The other side answered ${status}.` };
}

/** Of `getUserMedia`, by the name of its error. */
export function microphoneProblem(name: string): Problem {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
    case 'PermissionDeniedError':
      return {
        title: 'The microphone is blocked',
        advice: 'Allow it for this page: the sign left of the address, then Microphone. Then call again.',
      };
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return { title: 'No microphone found', advice: 'Plug one in, or switch it on, and call again.' };
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return {
        title: 'The microphone cannot be used',
        advice: 'Another program holds it, or the system refuses it. Close that program and call again.',
      };
    case 'OverconstrainedError':
      return { title: 'That microphone is gone', advice: 'Choose another one under Sound.' };
    default:
      return { title: 'The microphone failed', advice: `The browser says: ${name}.` };
  }
}

/** On a page that browsers give no microphone: neither https nor the machine itself. */
export function insecureProblem(here: { readonly hostname: string; readonly pathname: string }): Problem {
  return {
    title: 'This page is not secure, so the browser gives it no microphone',
    advice: 'Open it over https. With a certificate made by the server itself the browser warns once.',
    link: `https://${here.hostname}:8443${here.pathname}`,
  };
}

/** How long, as people say it: `0:07`, `12:34`, `1:02:03`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
