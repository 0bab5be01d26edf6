/** Where a page registers: what the server says of itself, or the host that the page came from. Pure. */
import type { PhoneConfig } from '../../protocol.ts';

/** Ports of the ready-made server: WSS beside HTTPS, WS beside HTTP. */
const fallbackPorts = { 'https:': 8443, 'http:': 5066 } as const;

interface Place {
  readonly protocol: string;
  readonly hostname: string;
}

export function fallback({ protocol, hostname }: Place): PhoneConfig {
  const secure = protocol === 'https:';
  const port = fallbackPorts[secure ? 'https:' : 'http:'];
  return { servers: [`${secure ? 'wss' : 'ws'}://${hostname}:${port}/ws`], domain: hostname, iceServers: [] };
}

/** An older or another server may leave something out. */
export function checked(answer: unknown, otherwise: PhoneConfig): PhoneConfig {
  if (typeof answer !== 'object' || answer === null) return otherwise;
  const { servers, domain, iceServers } = answer as Partial<PhoneConfig>;
  return {
    servers: Array.isArray(servers) && servers.length > 0 ? servers : otherwise.servers,
    domain: typeof domain === 'string' && domain !== '' ? domain : otherwise.domain,
    iceServers: Array.isArray(iceServers) ? iceServers : [],
  };
}

/**
 * TURN servers with credentials, which a phone gets only once it has shown its password: of the `X-Tandem-Ice` of a message.
 * @returns undefined where there is none, or none that can be read
 */
export function iceServersOf(message: string): PhoneConfig['iceServers'] | undefined {
  const value = /^X-Tandem-Ice:[ \t]*([\w-]+)[ \t]*\r?$/im.exec(message)?.[1];
  if (value === undefined) return undefined;
  try {
    const text = atob(value.replaceAll('-', '+').replaceAll('_', '/'));
    const servers: unknown = JSON.parse(text);
    return Array.isArray(servers) && servers.every(isIceServer) ? servers : undefined;
  } catch {
    return undefined;
  }
}

function isIceServer(value: unknown): value is PhoneConfig['iceServers'][number] {
  if (typeof value !== 'object' || value === null) return false;
  const { urls, username, credential } = value as Readonly<Record<string, unknown>>;
  const texts = [username, credential].every((one) => one === undefined || typeof one === 'string');
  return texts && Array.isArray(urls) && urls.every((url) => typeof url === 'string' && /^(stun|turn)s?:/i.test(url));
}
