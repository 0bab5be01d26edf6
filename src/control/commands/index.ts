/** The commands of the dialog registry, of its statistics, and of the registrar. */
import type { RpcMethod } from '../rpc/methods.ts';
import { dialogCommands } from './dlg.ts';
import { moreDialogCommands } from './dlg-more.ts';
import { statisticsCommands } from './stats.ts';
import type { Subject } from './subject.ts';
import { locationCommands } from './ul.ts';

export type { Subject } from './subject.ts';

export function commands(subject: Subject): readonly RpcMethod[] {
  return [
    ...dialogCommands(subject),
    ...moreDialogCommands(subject),
    ...statisticsCommands(subject),
    ...locationCommands(subject),
  ];
}
