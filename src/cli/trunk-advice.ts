/** What a refusal usually means at a trunk, in a few words for the one who set it up. */
const registerAdvice: Readonly<Record<number, string>> = {
  401: 'the password is wrong, or there is none: check username and password',
  403: 'the account is not allowed: check username, password, and whether our address has to be known there',
  404: 'the provider does not know the username',
  407: 'the password is wrong, or there is none: check username and password',
  408: 'check the address, the transport, and a firewall between',
  423: 'it wants another time: set register.expires higher',
  430: 'the connection broke: check transport and port',
  503: 'check the address, the transport and DNS',
};

const callAdvice: Readonly<Record<number, string>> = {
  401: 'the provider wants credentials, or other ones: check username and password',
  402: 'the account has no credit left',
  403: 'credentials are wrong, our address is not known there, or the caller ID is not ours to use',
  404: 'no such number, or another format is wanted: try +E.164, as +4930123456',
  407: 'the provider wants credentials, or other ones: check username and password',
  408: 'check the address, the transport, and a firewall between',
  410: 'the number is no longer in use',
  480: 'the trunk works, but the number is not reachable now',
  484: 'the number is not complete, or another format is wanted: try +E.164',
  486: 'the trunk works, but the number is busy: call another',
  488: 'no common codec: set codecs to what the provider takes, as [PCMA, PCMU]',
  503: 'no channel is free, or no route to the number; or nobody is there',
  600: 'the trunk works, but the number is busy: call another',
  603: 'the trunk works, but the call was declined there',
  606: 'no common codec: set codecs to what the provider takes, as [PCMA, PCMU]',
};

export function adviceOf(step: 'register' | 'call', status: number | undefined): string | undefined {
  if (status === undefined) return undefined;
  const said = (step === 'register' ? registerAdvice : callAdvice)[status];
  return (
    said ?? (status >= 500 && status < 600 ? 'the provider failed: ask there, with the time and the number' : undefined)
  );
}
