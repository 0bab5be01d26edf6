import { describe, expect, it } from 'vitest';
import { Pair } from './pair.ts';

describe('Two endpoints', () => {
  it('agree on keys', () => {
    const { client, server } = new Pair().run();
    expect(client.message + server.message).toBe('');
    expect([client.endpoint.state, server.endpoint.state]).toEqual(['connected', 'connected']);
    expect(client.keys?.local).toEqual(server.keys?.remote[0]);
    expect(server.keys?.local).toEqual(client.keys?.remote[0]);
  });
});
