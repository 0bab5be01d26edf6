/** From settings to how recordings are kept. */

import { ConfigError } from '../base/errors.ts';
import type { Config } from '../config/schema.ts';
import type { RecordingsOptions } from '../index.ts';
import { type Keyring, keyringOf } from '../recordings/options.ts';

/** @returns undefined where they are left alone @throws ConfigError for what is said by half */
export function recordingsOptions({ recordings }: Pick<Config, 'recordings'>): RecordingsOptions | undefined {
  const { folder, upload, encryption, keepFor, maxBytes } = recordings;
  if (folder === 'none') return undefined;
  const encrypted = encryptionOptions(encryption);
  const to = uploadOptions(upload);
  return {
    folder,
    ...(to ? { upload: to } : {}),
    ...(encrypted ? { encryption: encrypted } : {}),
    ...(keepFor === 0 ? {} : { keepFor }),
    ...(maxBytes === 0 ? {} : { maxBytes }),
  };
}

function uploadOptions({
  s3,
  url,
  method,
  authorization,
  ...how
}: Config['recordings']['upload']): RecordingsOptions['upload'] {
  const { bucket, accessKeyId, secretAccessKey, sessionToken, region, endpoint, prefix } = s3;
  if (bucket !== undefined && url !== undefined)
    throw new ConfigError('recordings.upload: keep one of s3.bucket and url');
  if (url !== undefined)
    return { ...how, url: { url, method, ...(authorization === undefined ? {} : { authorization }) } };
  if (bucket === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new ConfigError('recordings.upload.s3: a bucket needs accessKeyId and secretAccessKey');
  return {
    ...how,
    s3: {
      ...{ bucket, accessKeyId, secretAccessKey, region, prefix },
      ...(sessionToken === undefined ? {} : { sessionToken }),
      ...(endpoint === undefined ? {} : { endpoint }),
    },
  };
}

function encryptionOptions({
  key,
  keyId,
  oldKeys,
}: Config['recordings']['encryption']): RecordingsOptions['encryption'] {
  if (key !== undefined) return { key, oldKeys, ...(keyId === undefined ? {} : { keyId }) };
  if (keyId !== undefined) throw new ConfigError('recordings.encryption: a keyId needs a key');
  return undefined;
}

/** The keys of files that are there, whether new ones are encrypted or not. @throws ConfigError */
export function keyringOfConfig({ recordings }: Pick<Config, 'recordings'>): Pick<Keyring, 'find'> {
  const encryption = encryptionOptions(recordings.encryption);
  if (encryption) return keyringOf(encryption);
  const old = new Map(Object.entries(recordings.encryption.oldKeys));
  return { find: (id) => old.get(id) };
}
