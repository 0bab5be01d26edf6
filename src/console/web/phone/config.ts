import type { PhoneConfig } from '../../protocol.ts';
import { checked, fallback } from './phone-config.ts';

/** Asks the server that the page came from. */
export async function loadConfig(): Promise<PhoneConfig> {
  const otherwise = fallback(location);
  try {
    const response = await fetch('./phone/config', { headers: { accept: 'application/json' } });
    return response.ok ? checked(await response.json(), otherwise) : otherwise;
  } catch {
    // No such server, or one that says nothing.
    return otherwise;
  }
}
