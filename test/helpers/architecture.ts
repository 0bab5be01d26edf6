/**
 * Checks the rules of the house on source text: who may import whom, which file may import a
 * package, and where time, randomness and I/O may be used. Works on the syntax tree, so that
 * comments, strings and names of one's own (a parameter called `fetch`) are no false alarms.
 */
import { posix } from 'node:path';
import { parseAst } from 'vitest/node';

export interface Import {
  readonly specifier: string;
  /** Gone when types are stripped. */
  readonly typeOnly: boolean;
  /** What is imported by name; `*` for a namespace, a default, or an import for effect. */
  readonly names: readonly string[];
}

/** What one source file does that a rule may be about. */
export interface Facts {
  readonly imports: readonly Import[];
  /** Names used without being bound in the file, members of globals as `Math.random`. */
  readonly globals: ReadonlySet<string>;
  readonly defaultExport: boolean;
}

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

const children = (value: unknown): Node[] => (Array.isArray(value) ? value : [value]).filter(isNode);

export function factsOf(source: string, lang: 'ts' | 'tsx' = 'ts'): Facts {
  const program = parseAst(source, { lang, astType: 'ts' }) as unknown as Node;
  const imports: Import[] = [];
  const bound = new Set<string>();
  const used = new Set<string>();
  let defaultExport = false;

  const visit = (node: Node): void => {
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration': {
        const specifiers = (node.specifiers as Node[] | undefined) ?? [];
        if (node.type === 'ImportDeclaration') for (const s of specifiers) bound.add((s.local as Node).name as string);
        if (node.source) imports.push(importOf(node, specifiers));
        if (specifiers.some((s) => (s.exported as Node | undefined)?.name === 'default')) defaultExport = true;
        if (isNode(node.declaration)) visit(node.declaration);
        return;
      }
      case 'ExportDefaultDeclaration':
        defaultExport = true;
        break;
      case 'ImportExpression': {
        const from = node.source as Node;
        if (typeof from.value === 'string') imports.push({ specifier: from.value, typeOnly: false, names: ['*'] });
        break;
      }
      case 'MemberExpression': {
        const name = memberName(node);
        if (name) used.add(name);
        visit(node.object as Node);
        if (node.computed) visit(node.property as Node);
        return;
      }
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (node.computed) visit(node.key as Node);
        if (isNode(node.value)) visit(node.value);
        return;
      case 'VariableDeclarator':
        bind(node.id as Node);
        break;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        if (isNode(node.id)) bind(node.id);
        for (const parameter of node.params as Node[]) bind(parameter);
        break;
      case 'ClassDeclaration':
      case 'ClassExpression':
        if (isNode(node.id)) bind(node.id);
        break;
      case 'CatchClause':
        if (isNode(node.param)) bind(node.param);
        break;
      case 'Identifier':
        used.add(node.name as string);
        return;
    }
    // Types leave nothing behind; of `x as T` and its like the expression stays.
    if (node.type.startsWith('TS') && !isNode(node.expression)) return;
    for (const [key, child] of Object.entries(node))
      if (!/^(typeAnnotation|returnType|typeParameters|typeArguments|implements)$/.test(key))
        children(child).forEach(visit);
  };

  const bind = (pattern: Node): void => {
    switch (pattern.type) {
      case 'Identifier':
        bound.add(pattern.name as string);
        return;
      case 'ObjectPattern':
        for (const property of pattern.properties as Node[]) bind((property.value ?? property.argument) as Node);
        return;
      case 'ArrayPattern':
        for (const element of pattern.elements as (Node | null)[]) if (element) bind(element);
        return;
      case 'AssignmentPattern':
        bind(pattern.left as Node);
        return;
      case 'RestElement':
        bind(pattern.argument as Node);
        return;
    }
  };

  /** `import('./x.ts').X` stands in types, which `visit` passes over. */
  const findImportTypes = (node: Node): void => {
    if (node.type === 'TSImportType')
      imports.push({ specifier: (node.source as Node).value as string, typeOnly: true, names: [] });
    for (const child of Object.values(node)) children(child).forEach(findImportTypes);
  };

  visit(program);
  findImportTypes(program);
  const globals = new Set([...used].filter((name) => !bound.has(name.split('.')[0] as string)));
  return { imports, globals, defaultExport };
}

function importOf(node: Node, specifiers: readonly Node[]): Import {
  const isType = (part: Node): boolean => part.importKind === 'type' || part.exportKind === 'type';
  const values = isType(node) ? [] : specifiers.filter((specifier) => !isType(specifier));
  const specifier = (node.source as Node).value as string;
  if (isType(node) || (specifiers.length > 0 && values.length === 0)) return { specifier, typeOnly: true, names: [] };
  return { specifier, typeOnly: false, names: values.length > 0 ? values.map(nameOf) : ['*'] };
}

/** The name in the other module: of `{ a as b }` it is `a`, of a default or a namespace import `*`. */
function nameOf(specifier: Node): string {
  const outer = specifier.imported ?? (specifier.type === 'ExportSpecifier' ? specifier.local : undefined);
  return isNode(outer) ? (outer.name as string) : '*';
}

/** `Math.random` of `Math.random()`, and of `globalThis.Math.random()`. */
function memberName(node: Node): string | undefined {
  if (node.computed && typeof (node.property as Node).value !== 'string') return undefined;
  const property = ((node.property as Node).name ?? (node.property as Node).value) as string;
  const object = node.object as Node;
  if (object.type === 'Identifier') return object.name === 'globalThis' ? property : `${object.name}.${property}`;
  if (object.type !== 'MemberExpression') return undefined;
  const inner = memberName(object);
  return inner && (object.object as Node).name === 'globalThis' ? `${inner}.${property}` : undefined;
}

// ── The rules ──────────────────────────────────────────────────────────────────────────────────

/** Part of the house → the parts it may import. The longest matching path is a file's part. */
const directions: Readonly<Record<string, readonly string[]>> = {
  'src/base': [],
  'src/sip': ['src/base'],
  media: ['src/base'],
  'src/registrar': ['src/base', 'src/sip'],
  'src/stream': ['src/base', 'media'],
  'src/session': ['src/base', 'src/sip', 'src/stream', 'media'],
  'src/registry': ['src/base', 'src/sip', 'src/session'],
  'src/store': ['src/base', 'src/sip', 'src/session', 'src/registry', 'src/cdr', 'media'],
  'src/control': ['src/base', 'src/sip', 'src/session', 'src/registrar', 'src/registry', 'src/report', 'media'],
  // Pages run in browsers: of the server they know what is said between them, and the formulas that both use.
  'src/console/web': ['src/console', 'media'],
  'src/recovery': ['src/base', 'src/sip', 'src/session', 'src/registry', 'media'],
  'src/registration': ['src/base', 'src/sip', 'src/session'],
  'src/report': ['src/base', 'src/sip', 'src/session', 'media'],
  'src/telemetry': ['src/base', 'src/sip', 'src/session', 'media'],
  'src/trunk': ['src/base', 'src/sip', 'src/session', 'src/registration'],
  'src/pbx': ['src/base', 'src/sip', 'src/session', 'src/registrar', 'media'],
  'src/options': [
    'src/base',
    'src/telemetry',
    'src/sip',
    'src/session',
    'src/registry',
    'src/cdr',
    'src/recordings',
    'src/recovery',
    'src/registrar',
    'src/store',
    'src/trunk',
    'src/incoming',
    'media',
  ],
  'src/cdr': ['src/base', 'src/sip', 'src/session', 'src/registry', 'src/recovery', 'media'],
  'src/recordings': ['src/base', 'src/session'],
  'src/incoming': ['src/base', 'src/sip', 'src/session', 'src/registrar', 'src/trunk'],
  'src/house': [
    'src/base',
    'src/report',
    'src/telemetry',
    'src/sip',
    'src/session',
    'src/cdr',
    'src/recordings',
    'src/recovery',
    'src/registry',
    'src/registrar',
    'src/registration',
    'src/pbx',
    'src/store',
    'src/trunk',
    'src/incoming',
    'src/options',
    'media',
  ],
  'src/check-report': [
    'src/base',
    'src/cdr',
    'src/incoming',
    'src/recordings',
    'src/recovery',
    'src/registration',
    'src/registry',
    'src/sip',
    'src/store',
    'src/telemetry',
    'src/trunk',
    'src/house',
    'media',
  ],
  'src/tandem': [
    'src/base',
    'src/report',
    'src/telemetry',
    'src/sip',
    'src/session',
    'src/cdr',
    'src/recordings',
    'src/recovery',
    'src/registry',
    'src/registrar',
    'src/registration',
    'src/pbx',
    'src/store',
    'src/trunk',
    'src/incoming',
    'src/options',
    'src/house',
    'src/check-report',
    'media',
  ],
  'src/index': [
    'src/base',
    'src/report',
    'src/telemetry',
    'src/sip',
    'src/session',
    'src/cdr',
    'src/recordings',
    'src/recovery',
    'src/registry',
    'src/registrar',
    'src/registration',
    'src/pbx',
    'src/store',
    'src/trunk',
    'src/incoming',
    'src/options',
    'src/cdr',
    'src/stream',
    'src/tandem',
    'src/check-report',
    'src/control',
    'media',
  ],
  'src/testing': [
    'src/base',
    'src/sip',
    'src/session',
    'src/options',
    'src/check-report',
    'src/tandem',
    'src/index',
    'media',
  ],
  'src/console': [
    'src/base',
    'src/sip',
    'src/session',
    'src/registrar',
    'src/registry',
    'src/store',
    'src/recordings',
    'src/cdr',
    'src/control',
    'media',
  ],
  'src/routes': ['src/base'],
  'src/config': ['src/base', 'src/routes'],
  'src/cli': [
    'src/base',
    'src/config',
    'src/routes',
    'src/console',
    'src/control',
    'src/recordings',
    'src/store',
    'src/index',
  ],
};

/** Package → the files that may import it. */
const packages: Readonly<Record<string, readonly string[]>> = {
  kysely: [
    'src/store/database.ts',
    'src/store/schema.ts',
    'src/store/cdr-reader.ts',
    'src/store/table-writer.ts',
    'src/store/adapters/sqlite.ts',
    'src/store/adapters/postgres.ts',
    'src/store/adapters/mysql.ts',
    'src/store/adapters/transaction.ts',
  ],
  pg: ['src/store/adapters/postgres.ts'],
  mysql2: ['src/store/adapters/mysql.ts'],
  sip: ['src/sip/codec.ts'],
  'werift-rtp': ['media/rtp/rtcp.ts'],
  'wav-decoder': ['media/audio/wav-decoder.ts'],
  'mpg123-decoder': ['media/audio/mpg123.ts'],
  pino: ['src/base/log.ts'],
  commander: ['src/cli/program.ts'],
  preact: ['src/console/web/'],
  uplot: ['src/console/web/console/chart.tsx'],
  jssip: ['src/console/web/phone/'],
  yaml: ['src/config/yaml-file.ts'],
  ws: [
    'src/sip/transport/node-ws.ts',
    'src/base/node-websocket.ts',
    'src/control/http/event-streams.ts',
    'src/control/http/socket-commands.ts',
    'src/console/stream.ts',
    'src/console/stream-client.ts',
  ],
  fastify: ['src/control/http/server.ts'],
  'prom-client': ['src/control/metrics/metrics.ts'],
  '@opentelemetry/api': ['src/telemetry/'],
  zod: [
    'src/config/schema.ts',
    'src/config/registry-schema.ts',
    'src/config/recordings-schema.ts',
    'src/config/telemetry-schema.ts',
    'src/config/schema-pieces.ts',
    'src/config/system-schema.ts',
    'src/config/pbx-schema.ts',
    'src/config/people-schema.ts',
    'src/config/web-schema.ts',
    'src/config/leaves.ts',
    'src/config/issues.ts',
    'src/control/rpc/named.ts',
    'src/control/remote/params.ts',
    'src/control/events/schemas.ts',
    'src/control/schema.ts',
  ],
};

/** Where time, randomness and I/O come from (in the lab: are made); everything else is given them. */
const impure = [
  /^src\/base\/node/,
  /^src\/sip\/transport\//,
  /^src\/store\/adapters\//,
  /^src\/(cli|console|control|testing)\//,
  /^src\/recovery\/journal\//,
  /^src\/recordings\/node-/,
  /^media\/(net|host)\//,
];

const forbiddenGlobals = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
  'crypto',
  'Math.random',
  'AbortSignal.timeout',
  'process.hrtime',
]);
const forbiddenModules = new Set([
  'fs',
  'fs/promises',
  'dns',
  'dns/promises',
  'net',
  'tls',
  'dgram',
  'http',
  'https',
  'http2',
  'child_process',
  'timers',
  'timers/promises',
  'perf_hooks',
]);

/** @param files path from the root → source. @returns one line for each broken rule. */
export function violations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [file, source] of files) {
    const say = (text: string): void => void found.push(`${file}: ${text}`);
    let facts: Facts;
    try {
      facts = factsOf(source, file.endsWith('.tsx') ? 'tsx' : 'ts');
    } catch (error) {
      say(`cannot be parsed: ${(error as Error).message.split('\n').slice(0, 2).join(' ')}`);
      continue;
    }
    if (facts.defaultExport) say('has a default export');
    for (const one of facts.imports) checkImport(file, one, say);
    if (impure.some((allowed) => allowed.test(file))) continue;
    for (const name of facts.globals) if (forbiddenGlobals.has(name)) say(`uses ${name}`);
    for (const { specifier, typeOnly, names } of facts.imports) {
      const builtin = specifier.replace(/^node:/, '');
      if (typeOnly) continue;
      if (forbiddenModules.has(builtin)) say(`imports ${specifier}`);
      if (builtin === 'crypto' && names.some((name) => name === '*' || /^(random|generate|webcrypto)/.test(name)))
        say('takes randomness from node:crypto');
    }
  }
  return found;
}

function checkImport(file: string, { specifier }: Import, say: (text: string) => void): void {
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier);
    const from = partOf(file);
    const to = partOf(target);
    if (from === undefined) say('belongs to no part of the house: give it a row in the directions');
    else if (to === undefined) say(`imports ${target}, which belongs to no part of the house`);
    else if (from !== to && !directions[from]?.includes(to)) say(`imports ${target}: ${from} may not know ${to}`);
    return;
  }
  if (specifier.startsWith('node:')) return;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const owners = packages[name];
  if (!owners) say(`imports ${name}, which has no owner`);
  else if (!owners.some((owner) => (owner.endsWith('/') ? file.startsWith(owner) : file === owner)))
    say(`imports ${name}; only ${owners.join(', ')} may`);
}

function partOf(file: string): string | undefined {
  const path = file.replace(/\.tsx?$/, '');
  return Object.keys(directions)
    .filter((part) => path === part || path.startsWith(`${part}/`))
    .sort((a, b) => b.length - a.length)[0];
}
