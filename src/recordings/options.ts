/** How recordings are kept, and what is checked of it before anything is opened. */
import { createHash } from 'node:crypto';
import { ConfigError } from '../base/errors.ts';

export interface RecordingsOptions {
  /** What is recorded to a file below it is kept; the rest is the script's. */
  readonly folder: string;
  readonly upload?: UploadOptions;
  readonly encryption?: EncryptionOptions;
  /** Days after its end that a recording is deleted; default never. */
  readonly keepFor?: number;
  /** Bytes of all of them; beyond that the oldest are deleted. Default no limit. */
  readonly maxBytes?: number;
}

export interface UploadOptions {
  readonly s3?: S3Options;
  readonly url?: UrlOptions;
  /** How many at once; default 2. */
  readonly atOnce?: number;
  /** What is sealed here goes out sealed (default true), or as audio. */
  readonly encrypted?: boolean;
  /** The file stays here when it is there; default false. */
  readonly keepLocal?: boolean;
  /** What is known of a recording goes along in headers; `json`: and as a JSON file beside it. Default `headers`. */
  readonly metadata?: 'headers' | 'json';
}

/** Amazon S3, or what speaks its language. */
export interface S3Options {
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** Of another server than Amazon's, as `http://minio:9000`; the bucket is part of the path then. */
  readonly endpoint?: string;
  /** Before the names of the objects, as `calls/`. */
  readonly prefix?: string;
}

export interface UrlOptions {
  /** `{name}` is the name of the file; without it the name is put behind the URL. */
  readonly url: string;
  /** Default PUT. */
  readonly method?: 'PUT' | 'POST';
  /** The header Authorization, as `Bearer …`. */
  readonly authorization?: string;
}

export interface EncryptionOptions {
  /** A long text that cannot be guessed. */
  readonly key: string;
  /** Names it in the files, for the day when there is another one; default made of the key. */
  readonly keyId?: string;
  /** Keys of files that are there already, by id. */
  readonly oldKeys?: Readonly<Record<string, string>>;
}

/** Keys of sealed files, and the one for new ones. */
export interface Keyring {
  readonly current: { readonly id: string; readonly key: string };
  /** @returns undefined for a key that nobody has */
  find(id: string): string | undefined;
}

const shortestKey = 16;
const keyIds = /^[\w.-]{1,32}$/;

/** @throws ConfigError for what cannot work */
export function keyringOf({ key, keyId = keyIdOf(key), oldKeys = {} }: EncryptionOptions): Keyring {
  for (const [id, one] of [[keyId, key], ...Object.entries(oldKeys)] as const) {
    if (!keyIds.test(id))
      throw new ConfigError(`recordings.encryption: a keyId has letters, digits and _ . -, not ${JSON.stringify(id)}`);
    if (one.length < shortestKey)
      throw new ConfigError(`recordings.encryption: the key ${id} needs ${shortestKey} characters at least`);
  }
  if (Object.hasOwn(oldKeys, keyId) && oldKeys[keyId] !== key)
    throw new ConfigError(`recordings.encryption: two keys are called ${keyId}: give the new one another keyId`);
  const keys = new Map([...Object.entries(oldKeys), [keyId, key]]);
  return { current: { id: keyId, key }, find: (id) => keys.get(id) };
}

/** Tells keys apart, and nothing of the key. */
function keyIdOf(key: string): string {
  return createHash('sha256').update(`tandem key id ${key}`).digest('hex').slice(0, 8);
}

/** @throws ConfigError for what cannot work */
export function checkRecordings({ folder, upload, keepFor, maxBytes }: RecordingsOptions): void {
  if (folder === '') throw new ConfigError('recordings.folder is empty');
  if (keepFor !== undefined && !(keepFor > 0)) throw new ConfigError(`recordings.keepFor is days, not ${keepFor}`);
  if (maxBytes !== undefined && !(maxBytes > 0)) throw new ConfigError(`recordings.maxBytes is bytes, not ${maxBytes}`);
  if (!upload) return;
  const { s3, url, atOnce = 1 } = upload;
  if ((s3 === undefined) === (url === undefined))
    throw new ConfigError('recordings.upload goes to one place: say s3 or url');
  for (const [name, text] of [
    ['s3.endpoint', s3?.endpoint],
    ['url.url', url?.url],
  ] as const)
    if (text !== undefined && !/^https?:$/.test(URL.parse(text)?.protocol ?? ''))
      throw new ConfigError(`recordings.upload.${name}: "${text}" is no http(s) URL`);
  if (!(atOnce >= 1)) throw new ConfigError(`recordings.upload.atOnce is 1 or more, not ${atOnce}`);
}
