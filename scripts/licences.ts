/**
 * `npm run licences`: writes docs/licences.md, all packages of package-lock.json with their licences; fails for a licence
 * that nobody has looked at. `--check` writes nothing and fails when the file is not of this lock file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Licensed {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Part of a release or of the image; others are only for development. */
  readonly shipped: boolean;
}

/** Licences that oblige us to no more than to pass them on; MPL-2.0 binds changes of its own files alone. */
const known = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'MPL-2.0']);

/** Packages whose package.json names none: read in their files. */
const readByUs: Readonly<Record<string, string>> = { 'sip@0.0.6': 'MIT' };

/** Beside the dependencies: what a release brings for databases (scripts/release.sh). */
export function licensedPackages(lock: Readonly<Record<string, Locked>>, brought: readonly string[]): Licensed[] {
  const shipped = new Set(Object.keys(lock).filter((path) => path !== '' && !lock[path]?.dev));
  const visit = (path: string): void => {
    shipped.add(path);
    const { dependencies, optionalDependencies } = lock[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = resolved(lock, path, name);
      if (found !== undefined && !shipped.has(found)) visit(found);
    }
  };
  for (const name of brought) visit(`node_modules/${name}`);
  const all = Object.entries(lock)
    .filter(([path]) => path !== '')
    .map(([path, { version, license }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const licence = license ?? readByUs[`${name}@${version}`] ?? 'unknown';
      return { name, version, licence, shipped: shipped.has(path) };
    });
  const unique = new Map(all.sort((a, b) => Number(a.shipped) - Number(b.shipped)).map((one) => [keyOf(one), one]));
  return [...unique.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ name, version }: Licensed): string {
  return `${name}@${version}`;
}

/** Where Node.js finds a package from the folder of another. */
function resolved(lock: Readonly<Record<string, Locked>>, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock[path]) return path;
    if (folder === '') return undefined;
  }
}

/** Those whose licence is none that was looked at. `A OR B` is fine when one is, `A AND B` when both are. */
export function unclear(packages: readonly Licensed[]): Licensed[] {
  const clear = (licence: string): boolean => {
    const bare = licence.replaceAll(/[()]/g, '');
    if (bare.includes(' OR ')) return bare.split(' OR ').some(clear);
    return bare.split(' AND ').every((one) => known.has(one.trim()));
  };
  return packages.filter(({ licence }) => !clear(licence));
}

export function described(packages: readonly Licensed[]): string {
  const table = (shipped: boolean): string =>
    packages
      .filter((one) => one.shipped === shipped)
      .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`)
      .join('\n');
  const head = '| package | version | licence |\n|---|---|---|\n';
  return `# Licences

Tandem is under the MIT licence. This is made from package-lock.json by \`npm run licences\`; a test fails when it is not up
to date, and for a licence that nobody has looked at. The texts lie in the packages. MPL-2.0 asks that changes of files of
that package are published; we change none.

## In a release and in the image

A release has the Node.js that package.json pins, too (MIT, and the licences of its parts: \`LICENSE\` of Node.js).

${head}${table(true)}

## For development and tests only

${head}${table(false)}
`;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The packages of this clone. */
export function ownPackages(): Licensed[] {
  const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));
  return licensedPackages(read('package-lock.json').packages, Object.keys(read('package.json').peerDependencies));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = ownPackages();
  const file = join(root, 'docs', 'licences.md');
  const bad = unclear(packages).map(({ name, version, licence }) => `${name}@${version} (${licence})`);
  if (bad.length > 0) process.stderr.write(`licences that nobody has looked at: ${bad.join(', ')}\n`);
  const check = process.argv.includes('--check');
  const stale = check && readFileSync(file, 'utf8') !== described(packages);
  if (stale) process.stderr.write('docs/licences.md is not of this package-lock.json: npm run licences\n');
  if (!check) writeFileSync(file, described(packages));
  process.exitCode = bad.length > 0 || stale ? 1 : 0;
}
