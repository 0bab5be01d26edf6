/** The network of the machine: what `SipEndpoint` uses unless it is given another. */
import { createSocket } from 'node:dgram';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { TandemError } from '../../base/errors.ts';
import { addressFamily, isWildcard } from './address.ts';
import type { SipNetwork, StreamBind, TlsServerOptions } from './network.ts';
import { connectNodeTcp, listenNodeTcp } from './node-tcp.ts';
import { connectNodeTls, listenNodeTls } from './node-tls.ts';
import { openNodeUdp } from './node-udp.ts';
import { connectNodeWs, listenNodeWs } from './node-ws.ts';

/** Interfaces come and go, but asking the system for every message would cost more than the message. */
const interfacesTtlMs = 10_000;
const cacheLimit = 10_000;
/** A host with containers has dozens; a peer tries each. */
const mostAddresses = 4;

export function createNodeNetwork(): SipNetwork {
  const defaults = new Map<4 | 6, string>();
  let cache = new Map<string, string>();
  const owned = new Map<4 | 6, readonly string[]>();
  let cachedAt = 0;

  const renew = (): void => {
    const now = performance.now();
    if (now - cachedAt <= interfacesTtlMs && cache.size <= cacheLimit) return;
    cache = new Map();
    owned.clear();
    cachedAt = now;
  };

  const prepare = async (host: string): Promise<void> => {
    const family = addressFamily(host);
    if (isWildcard(host) && family !== 0 && !defaults.has(family)) defaults.set(family, await sourceAddress(family));
  };

  return {
    async openUdp(bind, handler) {
      await prepare(bind.host);
      return openNodeUdp(bind, handler);
    },
    async listenStream(bind, accept) {
      await prepare(bind.host);
      switch (bind.transport) {
        case 'tcp':
          return listenNodeTcp(bind, accept);
        case 'tls':
          return listenNodeTls({ ...bind, tls: certificateOf(bind) }, accept);
        case 'ws':
          return listenNodeWs(bind, accept);
        case 'wss':
          return listenNodeWs({ ...bind, tls: certificateOf(bind) }, accept);
      }
    },
    connectStream(target, handler) {
      switch (target.transport) {
        case 'tcp':
          return connectNodeTcp(target, handler);
        case 'tls':
          return connectNodeTls(target, handler);
        case 'ws':
        case 'wss':
          return connectNodeWs(target, handler);
      }
    },
    localAddress(peer) {
      renew();
      let local = cache.get(peer);
      if (local === undefined) {
        local = facing(peer) ?? defaults.get(addressFamily(peer) === 6 ? 6 : 4) ?? loopback(addressFamily(peer));
        cache.set(peer, local);
      }
      return local;
    },
    localAddresses(like) {
      const family = addressFamily(like) === 6 ? 6 : 4;
      renew();
      let own = owned.get(family);
      if (own === undefined) {
        own = interfaceAddresses(family);
        owned.set(family, own);
      }
      return own;
    },
  };
}

function certificateOf({ transport, host, port, tls }: StreamBind): TlsServerOptions {
  if (tls) return tls;
  throw new TandemError('ERR_TLS', `${transport} ${host}:${port} needs a certificate and its key`);
}

/** Our address in the subnet of `peer`. */
function facing(peer: string): string | undefined {
  const family = addressFamily(peer) === 6 ? 'ipv6' : 'ipv4';
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, cidr, family: kind } of addresses ?? []) {
      if (kind.toLowerCase() !== family || cidr === null) continue;
      const subnet = new BlockList();
      subnet.addSubnet(address, Number(cidr.split('/')[1]), family);
      if (subnet.check(peer, family)) return address;
    }
  }
  return undefined;
}

/** Those of the network before those of this machine alone; none that needs a zone. */
function interfaceAddresses(family: 4 | 6): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all
    .filter(({ address, family: kind }) => kind.toLowerCase() === `ipv${family}` && !/^fe80:/i.test(address))
    .toSorted((one, other) => Number(one.internal) - Number(other.internal))
    .slice(0, mostAddresses)
    .map(({ address }) => address);
}

/** The address the default route leaves from: connecting a UDP socket sends nothing, but picks it. */
function sourceAddress(family: 4 | 6): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    const done = (address: string): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => done(loopback(family)));
    socket.connect(9, family === 6 ? '2001:db8::1' : '192.0.2.1', () => done(socket.address().address));
  });
}

function loopback(family: 0 | 4 | 6): string {
  return family === 6 ? '::1' : '127.0.0.1';
}
