/** `HttpSend` as Node.js gives it: with a Content-Length, which `fetch` does not send for a stream. */
import { request as http, type IncomingMessage } from 'node:http';
import { request as https } from 'node:https';
import { Readable } from 'node:stream';
import type { HttpAnswer, HttpSend } from './http.ts';

/** How long nothing may move, ms. */
const idleMs = 30_000;
const longestText = 4_096;

export const nodeSend: HttpSend = ({ method, url, headers, length, body, signal }) =>
  new Promise((resolve, reject) => {
    const sized = length > 0 || method !== 'HEAD' ? { ...headers, 'content-length': String(length) } : headers;
    // Each on a connection of its own: one that the server has just closed is no failure then.
    const request = (url.protocol === 'https:' ? https : http)(url, { method, headers: sized, signal, agent: false });
    const source = Readable.from(body());
    let answered = false;
    request.setTimeout(idleMs, () => request.destroy(new Error(`nothing moved for ${idleMs / 1000} s`)));
    request.on('response', (response) => {
      answered = true;
      answerOf(response).then(resolve, reject);
    });
    // A server that refuses may close before it has read all: what it said counts.
    request.on('error', (error) => {
      if (!answered) reject(error);
    });
    request.on('close', () => source.destroy());
    source.on('error', (error) => request.destroy(error));
    source.pipe(request);
  });

async function answerOf(response: IncomingMessage): Promise<HttpAnswer> {
  let text = '';
  response.setEncoding('utf8');
  for await (const piece of response) if (text.length < longestText) text += piece;
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, [value].flat()[0]]),
  );
  return { status: response.statusCode ?? 0, headers, text: text.slice(0, longestText) };
}
