/** Statistics by Kamailio's names: `stats.*` of its module `kex`. */
import type { RpcArguments } from '../rpc/arguments.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import type { RpcStruct } from '../rpc/value.ts';
import type { Subject } from './subject.ts';

interface Statistic {
  readonly group: string;
  readonly name: string;
  read(): number;
  /** Sets it to 0. Without it, it goes up and down with what it counts. */
  reset?(): void;
}

export function statisticsCommands(subject: Subject): readonly RpcMethod[] {
  const statistics = statisticsOf(subject);
  const asked = (args: RpcArguments, fault: string, isFetched: boolean): Statistic[] => {
    const names: string[] = [];
    for (let name = args.text(); name !== undefined; name = args.text()) names.push(name);
    if (names.length === 0) throw new RpcFault(400, fault);
    return names.flatMap((name) => statistics.filter((one) => isMeant(one, name, isFetched)));
  };
  const fetched = (args: RpcArguments): readonly Statistic[] =>
    asked(args, 'Please provide which stats to retrieve', true);
  const reset = (args: RpcArguments): readonly Statistic[] => asked(args, 'Please provide stats name', false);
  return [
    {
      name: 'stats.get_statistics',
      help: 'get core and modules stats',
      run: (args) => ({
        list: asked(args, 'Please provide which stats to retrieve', false).map(
          (one) => `${title(one)} = ${one.read()}`,
        ),
      }),
    },
    {
      name: 'stats.fetch',
      help: 'fetch core and modules stats as string values',
      run: (args) => struct(fetched(args), String),
    },
    {
      name: 'stats.fetchn',
      help: 'fetch core and modules stats as number values',
      run: (args) => struct(fetched(args), Number),
    },
    {
      name: 'stats.reset_statistics',
      help: 'reset core and modules stats (silent operation)',
      changes: true,
      run: (args) => {
        for (const one of reset(args)) one.reset?.();
        return undefined;
      },
    },
    {
      name: 'stats.clear_statistics',
      help: 'clear core and modules stats (verbose operation)',
      changes: true,
      run: (args) => ({ list: reset(args).map(cleared) }),
    },
  ];
}

/** In the order of the alphabet, as Kamailio lists them. */
function statisticsOf({ registry, registrar }: Subject): readonly Statistic[] {
  const dialog = ['active', 'early', 'expired', 'failed', 'processed'] as const;
  const dialogs = dialog.map((name): Statistic => {
    const counted = { group: 'dialog', name: `${name}_dialogs`, read: () => registry.statistics[name] };
    return name === 'active' || name === 'early' ? counted : { ...counted, reset: () => registry.reset(name) };
  });
  if (!registrar) return dialogs;
  const users = (): number => registrar.users.length;
  return [
    ...dialogs,
    { group: 'usrloc', name: 'location-contacts', read: () => registrar.size },
    { group: 'usrloc', name: 'location-users', read: users },
    { group: 'usrloc', name: 'registered_users', read: users },
  ];
}

/** @param isFetched `stats.fetch` takes a statistic with its group as well, `stats.get_statistics` its name alone */
function isMeant({ group, name }: Statistic, asked: string, isFetched: boolean): boolean {
  if (asked === 'all' || asked === `${group}:` || asked === name) return true;
  return isFetched && (asked === `${group}:${name}` || asked === `${group}.${name}`);
}

function title({ group, name }: Statistic): string {
  return `${group}:${name}`;
}

function struct(statistics: readonly Statistic[], print: (value: number) => string | number): RpcStruct {
  return Object.fromEntries(statistics.map((one) => [`${one.group}.${one.name}`, print(one.read())]));
}

function cleared(statistic: Statistic): string {
  const before = statistic.read();
  statistic.reset?.();
  const now = statistic.read();
  return `${title(statistic)} = ${now}${now === before ? '' : ` (${before})`}`;
}
