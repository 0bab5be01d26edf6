/** Kamailio's tables `dialog` (version 7) and `dialog_vars` (version 1), and the names that its parameters give columns. */

/** Name of the parameter without `Column`, and where it has none, ours → name in the table. */
export const defaultDialogColumns = {
  hEntry: 'hash_entry',
  hId: 'hash_id',
  callId: 'callid',
  fromUri: 'from_uri',
  fromTag: 'from_tag',
  toUri: 'to_uri',
  toTag: 'to_tag',
  fromCseq: 'caller_cseq',
  toCseq: 'callee_cseq',
  fromRoute: 'caller_route_set',
  toRoute: 'callee_route_set',
  fromContact: 'caller_contact',
  toContact: 'callee_contact',
  fromSock: 'caller_sock',
  toSock: 'callee_sock',
  state: 'state',
  startTime: 'start_time',
  timeout: 'timeout',
  sflags: 'sflags',
  iflags: 'iflags',
  torouteName: 'toroute_name',
  requestUri: 'req_uri',
  xdata: 'xdata',
} as const;

export type DialogColumn = keyof typeof defaultDialogColumns;

export const defaultVarsColumns = {
  hEntry: 'hash_entry',
  hId: 'hash_id',
  key: 'dialog_key',
  value: 'dialog_value',
} as const;

export type VarsColumn = keyof typeof defaultVarsColumns;

export type ColumnType = 'int' | 'text' | { readonly varchar: number; readonly nullable?: true };

const longestCallId = 255;

/** Types of the columns: a text is cut to its length, an integer is signed and of 32 bits. */
export const dialogTypes: Readonly<Record<DialogColumn, ColumnType>> = {
  hEntry: 'int',
  hId: 'int',
  callId: { varchar: longestCallId },
  fromUri: { varchar: 255 },
  fromTag: { varchar: 128 },
  toUri: { varchar: 255 },
  toTag: { varchar: 128 },
  fromCseq: { varchar: 20 },
  toCseq: { varchar: 20 },
  fromRoute: { varchar: 512, nullable: true },
  toRoute: { varchar: 512, nullable: true },
  fromContact: { varchar: 255 },
  toContact: { varchar: 255 },
  fromSock: { varchar: 64 },
  toSock: { varchar: 64 },
  state: 'int',
  startTime: 'int',
  timeout: 'int',
  sflags: 'int',
  iflags: 'int',
  torouteName: { varchar: 32, nullable: true },
  requestUri: { varchar: 255 },
  xdata: { varchar: 512, nullable: true },
};

export const varsTypes: Readonly<Record<VarsColumn, ColumnType>> = {
  hEntry: 'int',
  hId: 'int',
  key: { varchar: 128 },
  value: { varchar: 512 },
};

/** Versions that Kamailio writes into its table `version`. */
export const kamailioVersions = { dialog: 7, vars: 1 } as const;

const largest = 2 ** 31 - 1;

/** @returns an integer that every database takes in 32 bits */
export function bounded(value: number): number {
  return Number.isFinite(value) ? Math.max(-largest - 1, Math.min(largest, Math.trunc(value))) : 0;
}

/** @param length in characters @returns text that every database takes */
export function cut(text: string, length: number): string {
  const clean = text.includes('\0') ? text.replaceAll('\0', '') : text;
  return clean.length <= length ? clean.toWellFormed() : clean.slice(0, length).toWellFormed();
}

/** A Call-ID as it is in the tables. */
export function storedCallId(callId: string): string {
  return cut(callId, longestCallId);
}

/** Whether what is in the tables may be the beginning of a longer one. */
export function mayBeCut(callId: string): boolean {
  return callId.length >= longestCallId - 1;
}
