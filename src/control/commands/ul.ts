/** Where users are, as Kamailio's `usrloc` shows it. Its table is called `location`. */
import type { Binding } from '../../registrar/location-store.ts';
import { hashSlot } from '../../registry/hash.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import type { RpcStruct } from '../rpc/value.ts';
import type { Subject } from './subject.ts';

const table = 'location';
/** Slots of Kamailio's table. */
const slots = 1024;
/** It does not say which methods it takes. */
const allMethods = 0xffff_ffff;

export function locationCommands(subject: Subject): readonly RpcMethod[] {
  return [
    {
      name: 'ul.dump',
      help: 'Dump user location tables',
      run: (args) => ({ Domains: [{ Domain: domainStruct(subject, args.optionalString() === 'brief') }] }),
    },
    {
      name: 'ul.lookup',
      help: 'Lookup one AOR in the usrloc location table',
      run: (args) => {
        if (args.left < 2) throw new RpcFault(500, 'Not enough parameters (table and AOR to lookup)');
        if (args.string() !== table) throw new RpcFault(500, 'Domain table not found');
        const [user = ''] = args.string().split('@');
        const contacts = subject.registrar?.lookup(user) ?? [];
        if (contacts.length === 0) throw new RpcFault(500, 'AOR not found in location table');
        return { AoR: user, Contacts: contactsOf(subject, contacts) };
      },
    },
  ];
}

function domainStruct(subject: Subject, isBrief: boolean): RpcStruct {
  const users = subject.registrar?.users ?? [];
  const inSlot = new Map<number, number>();
  for (const user of users) inSlot.set(hashSlot(user, slots), (inSlot.get(hashSlot(user, slots)) ?? 0) + 1);
  return {
    Domain: table,
    Size: slots,
    AoRs: users.map((user) => (isBrief ? { AoR: user } : { Info: userStruct(subject, user) })),
    Stats: { Records: users.length, 'Max-Slots': Math.max(0, ...inSlot.values()) },
  };
}

function userStruct(subject: Subject, user: string): RpcStruct {
  const contacts = subject.registrar?.lookup(user) ?? [];
  // All 32 bits of the hash.
  return { AoR: user, HashID: hashSlot(user, 2 ** 32) >>> 0, Contacts: contactsOf(subject, contacts) };
}

function contactsOf({ clock }: Subject, bindings: readonly Binding[]): readonly RpcStruct[] {
  return bindings.map((binding) => ({
    Contact: {
      Address: binding.uri,
      Expires: Math.max(0, Math.ceil((binding.due - clock.now()) / 1000)),
      Q: binding.q,
      'Call-ID': binding.callId,
      CSeq: binding.seq,
      'User-Agent': binding.userAgent ?? '',
      Received: receivedUri(binding.source),
      Path: binding.route.map((uri) => `<${uri}>`).join(','),
      State: 'CS_NEW',
      Flags: 0,
      CFlags: 0,
      Socket: '',
      Methods: allMethods,
      Ruid: '',
      Instance: binding.instance === undefined ? '' : `<${binding.instance}>`,
      'Reg-Id': binding.regId ?? 0,
      'Server-Id': 0,
      'Tcpconn-Id': -1,
      Keepalive: 0,
      'Last-Keepalive': 0,
      'KA-Roundtrip': 0,
      'Last-Modified': Math.floor((clock.wallclock() - (clock.now() - binding.at)) / 1000),
    },
  }));
}

/** @param source `udp:192.0.2.1:5060` */
function receivedUri(source: string): string {
  const colon = source.indexOf(':');
  const transport = source.slice(0, colon);
  return `sip:${source.slice(colon + 1)}${transport === 'udp' ? '' : `;transport=${transport}`}`;
}
