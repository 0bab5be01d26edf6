/** Programs that look for open servers and weak passwords, by the User-Agent that they send. */

/** Parts of User-Agent values; case does not matter. */
export const knownScanners: readonly string[] = [
  'friendly-scanner',
  'friendly-request',
  'sipvicious',
  'sipcli',
  'sundayddr',
  'pplsip',
  'VaxSIPUserAgent',
  'iWar',
  'sipscan',
  'sip-scan',
  'sivus',
  'smap',
];

/** A test of a User-Agent. @param parts taken literally; none: nobody is one */
export function scannerTest(parts: readonly string[]): (userAgent: string) => boolean {
  const known = parts.filter((part) => part !== '').map((part) => part.toLowerCase());
  return (userAgent) => {
    const name = userAgent.toLowerCase();
    return known.some((part) => name.includes(part));
  };
}
