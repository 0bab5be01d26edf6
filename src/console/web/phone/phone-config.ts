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
