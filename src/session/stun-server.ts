/** The STUN server that legs ask where they are seen. */
import type { UdpPeer } from '../../media/index.ts';
import { ConfigError } from '../base/errors.ts';
import type { Resolver } from '../base/io.ts';

/** RFC 8489 §18.6. */
const usualPort = 3478;

/**
 * @param text `host` or `host:port`
 * @returns looks it up, once for all legs that ask at the same time
 * @throws ConfigError for what is neither
 */
export function stunServerOf(
  text: string | undefined,
  resolver: Resolver,
): (() => Promise<UdpPeer | undefined>) | undefined {
  if (text === undefined) return undefined;
  const [, host = '', port = String(usualPort)] = /^([^\s:]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) throw new ConfigError(`media.stunServer is host or host:port, not ${text}`);
  let asking: Promise<UdpPeer | undefined> | undefined;
  return () => {
    asking ??= resolver
      .lookup(host)
      .then((found) => {
        const { address } = found.find(({ family }) => family === 4) ?? found[0] ?? {};
        return address === undefined ? undefined : { address, port: Number(port) };
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
}
