/**
 * libopus as WebAssembly, out of the package `libopus-wasm`. Of it only the generated module is used: its own
 * classes are made asynchronously and allocate a buffer per packet, which a packet path can have neither of.
 */
import { findPackageJSON } from 'node:module';
import { pathToFileURL } from 'node:url';

const packageName = 'libopus-wasm';

/** The functions of libopus (opus.h) by their names there; what they return is negative for an error. */
export interface OpusLibrary {
  readonly HEAPU8: Uint8Array;
  readonly HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _oc_create_encoder(sampleRate: number, channels: number, application: number, error: number): number;
  _oc_destroy_encoder(encoder: number): void;
  _oc_encoder_ctl(encoder: number, request: number, value: number): number;
  _oc_encoder_ctl_get_lookahead(encoder: number): number;
  _oc_encode(encoder: number, pcm: number, samples: number, packet: number, mostBytes: number): number;
  _oc_create_decoder(sampleRate: number, channels: number, error: number): number;
  _oc_destroy_decoder(decoder: number): void;
  _oc_decode(decoder: number, packet: number, bytes: number, pcm: number, samples: number, fec: number): number;
}

/** One per thread: code, not settings. */
let loading: Promise<OpusLibrary> | undefined;
let library: OpusLibrary | undefined;

/** False where the package was left out. */
export function opusInstalled(): boolean {
  return moduleUrl() !== undefined;
}

/** Makes `opusLibrary` of this thread there; without the package nothing happens. Idempotent. */
export async function loadOpus(): Promise<void> {
  const url = moduleUrl();
  if (url === undefined) return;
  loading ??= import(url.href).then(({ default: create }) => create() as Promise<OpusLibrary>);
  library = await loading;
}

/** Undefined until it is loaded. */
export function opusLibrary(): OpusLibrary | undefined {
  return library;
}

function moduleUrl(): URL | undefined {
  try {
    const manifest = findPackageJSON(packageName, import.meta.url);
    return manifest === undefined
      ? undefined
      : new URL('dist/generated/libopus.generated.mjs', pathToFileURL(manifest));
  } catch {
    return undefined; // ERR_MODULE_NOT_FOUND
  }
}
