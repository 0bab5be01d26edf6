/** `modparam("dialog", …)` lines of a kamailio.cfg → a `tandem.yaml`, and what of them could not be taken. */
import { type KamailioToken, kamailioTokens } from './kamailio-text.ts';
import { leaves } from './leaves.ts';
import { unusedBecause } from './registry-schema.ts';
import { checkConfig } from './schema.ts';

export interface KamailioImport {
  /** How many parameters of the dialog module there are. */
  readonly found: number;
  readonly yaml: string;
  readonly left: readonly LeftOut[];
}

export interface LeftOut {
  readonly line: number;
  /** `dlg_flag` */
  readonly what: string;
  readonly why: string;
}

interface Parameter {
  readonly name: string;
  /** Undefined for what is neither a number nor a text. */
  readonly value: string | number | undefined;
  readonly line: number;
}

/** @param path of the file, for the first line */
export function importKamailio(text: string, path: string): KamailioImport {
  const { tokens, unfollowed } = kamailioTokens(text);
  const left: LeftOut[] = unfollowed.map(({ line, what }) => ({
    line,
    what,
    why: 'import that file, or set the value by hand',
  }));
  const parameters = dialogParameters(tokens);
  const taken = new Map<string, string>();
  for (const parameter of parameters) {
    const placed = place(parameter);
    if ('why' in placed) left.push({ line: parameter.line, what: parameter.name, why: placed.why });
    else taken.set(placed.key, placed.value);
  }
  left.push(...functionCalls(tokens));
  left.sort((a, b) => a.line - b.line);
  return { found: parameters.length, yaml: yamlOf(path, taken, left), left };
}

/** The key and the value as YAML, or why there is none. */
function place({
  name,
  value,
}: Parameter): { readonly key: string; readonly value: string } | { readonly why: string } {
  const key = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const section = ['registry', 'store'].find((one) => leaves.has(`${one}.${key}`));
  if (!section) return { why: 'the dialog module has no such parameter that is known here' };
  if (value === undefined) return { why: 'its value is neither a number nor a text' };
  if (Object.hasOwn(unusedBecause, key)) return { why: unusedBecause[key as keyof typeof unusedBecause] };
  if (key === 'enableDmq' && value !== 0) return { why: 'not available yet' };
  if (key === 'dbUrl' && !/^(sqlite|postgres|postgresql|mysql|mariadb):/.test(String(value)))
    return { why: 'SQLite, PostgreSQL and MySQL are the databases that are known here' };
  const checked = checkConfig({ [section]: { [key]: value } });
  if ('issues' in checked) return { why: `${JSON.stringify(value)}: ${checked.issues[0]?.message}` };
  const plain = leaves.get(`${section}.${key}`) === 'boolean' ? value === 1 : value;
  // A JSON text is a YAML text.
  return { key: `${section}.${key}`, value: JSON.stringify(plain) };
}

/** `modparam("dialog", "name", value)`, also for several modules at once: `"dialog|tm"`. */
function dialogParameters(tokens: readonly KamailioToken[]): Parameter[] {
  const found: Parameter[] = [];
  for (const [at, { kind, text, line }] of tokens.entries()) {
    if (kind !== 'name' || !/^modparamx?$/.test(text) || tokens[at + 1]?.text !== '(') continue;
    const end = tokens.findIndex((token, index) => index > at && token.kind === 'sign' && token.text === ')');
    const [module, name, ...more] = argumentsOf(tokens.slice(at + 2, Math.max(end, 0)));
    if (typeof module !== 'string' || typeof name !== 'string' || !module.split('|').includes('dialog')) continue;
    found.push({ name, value: text === 'modparam' && more.length === 1 ? more[0] : undefined, line });
  }
  return found;
}

/** Between the commas; texts that follow one another are one. */
function argumentsOf(tokens: readonly KamailioToken[]): (string | number | undefined)[] {
  const groups: KamailioToken[][] = [[]];
  for (const token of tokens)
    if (token.kind === 'sign' && token.text === ',') groups.push([]);
    else groups.at(-1)?.push(token);
  return groups.map((group) => {
    if (group.length > 0 && group.every(({ kind }) => kind === 'string')) return group.map(({ text }) => text).join('');
    const [first, second] = group;
    if (group.length === 1 && first?.kind === 'number') return Number(first.text);
    return group.length === 2 && first?.text === '-' && second?.kind === 'number' ? -Number(second.text) : undefined;
  });
}

const functions =
  /^(dlg_(?!var$|ctx$)\w+|set_dlg_profile|unset_dlg_profile|is_in_profile|get_profile_size|is_known_dlg)$/;

/** What routes do with calls is a script's to do. */
function functionCalls(tokens: readonly KamailioToken[]): LeftOut[] {
  return tokens.flatMap(({ kind, text, line }, at) => {
    if (kind !== 'name' || !functions.test(text) || tokens[at + 1]?.text !== '(') return [];
    return [{ line, what: `${text}()`, why: insteadOf(text, tokens.slice(at + 2, at + 5)) }];
  });
}

const autoValues: Readonly<Record<string, string>> = {
  $fu: 'fromUri',
  $tu: 'toUri',
  $fU: 'fromUser',
  $tU: 'toUser',
};

/** @param args tokens after the bracket */
function insteadOf(name: string, [profile, comma, value]: readonly KamailioToken[]): string {
  if (name === 'dlg_manage') return 'every call is tracked';
  const source = comma?.text === ')' ? 'none' : autoValues[value?.text ?? ''];
  if (name === 'set_dlg_profile' && profile?.kind === 'string' && source !== undefined)
    return `registry.autoProfiles: { ${profile.text}: ${source} } does it for every call, else a script`;
  return 'a script does that: see docs/migration-kamailio.md';
}

function yamlOf(path: string, taken: ReadonlyMap<string, string>, left: readonly LeftOut[]): string {
  const lines = [`# From ${oneLine(path)}.`];
  for (const section of ['registry', 'store']) {
    const own = [...taken].filter(([key]) => key.startsWith(`${section}.`));
    if (own.length > 0)
      lines.push(`${section}:`, ...own.map(([key, value]) => `  ${key.slice(section.length + 1)}: ${value}`));
  }
  if (!taken.has('registry.sendBye'))
    lines.push('# A call whose time is up is hung up; Kamailio does that with send_bye only: registry.sendBye.');
  if (left.length > 0) lines.push('# Not taken:', ...left.map((one) => `#   ${leftOutLine(one)}`));
  return `${lines.join('\n')}\n`;
}

/** `line 12: dlg_flag: why` */
export function leftOutLine({ line, what, why }: LeftOut): string {
  return `line ${line}: ${oneLine(what)}: ${oneLine(why)}`;
}

/** A name with a line break would end the comment that it stands in. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ');
}
