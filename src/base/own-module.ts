/** Where a module of ours is: TypeScript in a clone, JavaScript in the published package. */

/**
 * The module `name`, with the extension that the calling file has.
 * @param importMetaUrl `import.meta.url` of the caller
 * @param name path without extension, relative to the caller: `decode-worker`
 */
export function ownModule(importMetaUrl: string, name: string): URL {
  const extension = new URL(importMetaUrl).pathname.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./${name}${extension}`, importMetaUrl);
}
