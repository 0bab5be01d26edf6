/** Where the code of a worker thread is: TypeScript in a clone, JavaScript in the published package. */

/**
 * The entry `name` beside the calling file, with that file's own extension.
 * @param importMetaUrl `import.meta.url` of the caller
 * @param name path without extension, relative to the caller: `decode-worker`
 */
export function workerEntry(importMetaUrl: string, name: string): URL {
  const extension = new URL(importMetaUrl).pathname.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./${name}${extension}`, importMetaUrl);
}
