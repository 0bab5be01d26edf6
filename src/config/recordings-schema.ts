/** How recordings are kept. */
import { z } from 'zod';
import { text } from './schema-pieces.ts';

const httpUrl = text.regex(/^https?:\/\//, 'expected http:// or https://');

export const recordingsSchema = z
  .strictObject({
    folder: text
      .default('./data/recordings')
      .describe('recordings below it are kept as is said here; "none" leaves all where they were written'),
    upload: z
      .strictObject({
        s3: z
          .strictObject({
            bucket: text.optional().describe('recordings are uploaded to it'),
            accessKeyId: text.optional(),
            secretAccessKey: text.optional(),
            sessionToken: text.optional(),
            region: text.default('us-east-1'),
            endpoint: httpUrl.optional().describe('of another server than Amazon’s, as http://minio:9000'),
            prefix: z.string().default('').describe('before the names of the objects, as calls/'),
          })
          .prefault({}),
        url: httpUrl
          .optional()
          .describe('or to this URL: {name} is the name of the file; without it the name is put behind'),
        method: z.enum(['PUT', 'POST']).default('PUT'),
        authorization: text.optional().describe('the header Authorization for url, as Bearer …'),
        atOnce: z.int().min(1).max(100).default(2).describe('how many at once'),
        encrypted: z.boolean().default(true).describe('what is encrypted here goes out encrypted; false: as audio'),
        keepLocal: z.boolean().default(false).describe('the file stays here, too, when it is there'),
        metadata: z
          .enum(['headers', 'json'])
          .default('headers')
          .describe('what is known of the call goes along in headers; json: in a JSON file beside it, too'),
      })
      .prefault({}),
    encryption: z
      .strictObject({
        key: text.min(16, 'needs 16 characters at least').optional().describe('encrypts them at rest; a long text'),
        keyId: text.optional().describe('names the key in the files; default made of it'),
        oldKeys: z.record(z.string(), text).default({}).describe('keys of older files, by keyId'),
      })
      .prefault({}),
    keepFor: z.number().min(0).max(36_500).default(0).describe('days after which a recording is deleted; 0 is never'),
    maxBytes: z
      .int()
      .min(0)
      .default(0)
      .describe('bytes of all recordings, beyond which the oldest are deleted; 0 is no limit'),
    announce: text.optional().describe('a file that both sides hear before call.record begins'),
  })
  .prefault({})
  .describe('recordings: kept, encrypted, uploaded, deleted');
