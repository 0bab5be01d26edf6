/** A server that takes recordings, as S3 does: it checks the signature, and may be killed and come back. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signed } from '../../src/recordings/aws-signature.ts';

export interface Stored {
  readonly bytes: Buffer;
  readonly headers: IncomingMessage['headers'];
}

export const credentials = { accessKeyId: 'AKID', secretAccessKey: 'very secret', region: 'eu-central-1' };

export class FakeStorage {
  readonly objects = new Map<string, Stored>();
  /** Requests by method and path, in order. */
  readonly asked: string[] = [];
  /** Answers in place of storing. */
  refuse: ((path: string, response: ServerResponse) => boolean) | undefined;
  /** What it says of what it stored; default the MD5. */
  etag: ((bytes: Buffer) => string | undefined) | undefined;
  checksSignature = true;
  port = 0;
  #server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** On the port that it had. */
  async start(): Promise<this> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async kill(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return;
    }
    const bytes = Buffer.concat(pieces);
    const { method = '', url = '', headers } = request;
    this.asked.push(`${method} ${url}`);
    if (this.refuse?.(url, response)) return;
    if (this.checksSignature && !this.#isSigned(method, url, headers, bytes)) {
      response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
      return;
    }
    if (method === 'HEAD') {
      const known = this.objects.get(url);
      response.writeHead(known ? 200 : 404, { 'content-length': known?.bytes.length ?? 0 }).end();
      return;
    }
    if (Number(headers['content-length']) !== bytes.length) {
      response.writeHead(411).end();
      return;
    }
    this.objects.set(url, { bytes, headers });
    const etag = this.etag ? this.etag(bytes) : `"${createHash('md5').update(bytes).digest('hex')}"`;
    response.writeHead(200, etag === undefined ? {} : { etag }).end();
  }

  #isSigned(method: string, path: string, headers: IncomingMessage['headers'], bytes: Buffer): boolean {
    const payload = createHash('sha256').update(bytes).digest('hex');
    if (headers['x-amz-content-sha256'] !== payload) return false;
    const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? [];
    if (
      !names.includes('host') ||
      Object.keys(headers).some((name) => name.startsWith('x-amz-') && !names.includes(name))
    )
      return false;
    const own = Object.fromEntries(
      names.filter((name) => name !== 'host').map((name) => [name, String(headers[name])]),
    );
    const time = String(headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
    const url = new URL(path, `http://${headers.host}`);
    return (
      signed({ method, url, headers: own, payload }, credentials, Date.parse(time)).authorization ===
      headers.authorization
    );
  }
}
