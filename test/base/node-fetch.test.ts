/** HTTP of Node.js against servers that behave and such that do not. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { nodeFetch } from '../../src/base/node.ts';

const forever = new AbortController().signal;
const open = (url: string, signal = forever, timeoutMs = 10_000) => nodeFetch.open!(url, { signal, timeoutMs });

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const closed = new Promise<void>((resolve) => server.on('close', resolve));
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url, [Symbol.asyncDispose]: close };
}

async function all(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('nodeFetch.open', () => {
  it('follows redirects, and tells type and length of what is there', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/there' }).end();
      else response.writeHead(200, { 'content-type': 'audio/basic', 'content-length': 5 }).end('hello');
    });
    const { contentType, length, body } = await open(server.url);
    expect({ contentType, length, body: await all(body) }).toEqual({
      contentType: 'audio/basic',
      length: 5,
      body: 'hello',
    });
  });

  it('resolves before the body has come, and knows no length that was not said', async () => {
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    await using server = await serve(async (_request, response) => {
      response.writeHead(200).write('first');
      await heard;
      response.end('last');
    });
    const { length, contentType, body } = await open(server.url);
    expect({ length, contentType }).toEqual({ length: undefined, contentType: '' });
    const parts: string[] = [];
    for await (const chunk of body) {
      parts.push(Buffer.from(chunk).toString());
      resolve();
    }
    expect(parts).toEqual(['first', 'last']);
  });

  it('rejects what is not there, does not answer, or goes round in circles', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/404') response.writeHead(404).end('no');
      if (request.url === '/round') response.writeHead(302, { location: '/round' }).end();
    });
    await expect(open(`${server.url}404`)).rejects.toMatchObject({ code: 'ERR_FETCH', facts: { status: 404 } });
    await expect(open(`${server.url}round`)).rejects.toMatchObject({ code: 'ERR_FETCH' });
    await expect(open(`${server.url}silent`, forever, 50)).rejects.toMatchObject({
      code: 'ERR_FETCH',
      message: expect.stringContaining('no answer within 50 ms'),
    });
    await expect(open('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ERR_FETCH' });
  });

  it('throws out of a body that is cut, and is cut by its signal', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      if (request.url === '/cut') setImmediate(() => response.destroy());
    });
    const cut = await open(`${server.url}cut`);
    await expect(all(cut.body)).rejects.toThrow();
    const stop = new AbortController();
    const stopped = await open(server.url, stop.signal);
    const reading = expect(all(stopped.body)).rejects.toThrow();
    stop.abort();
    await reading;
  });
});
