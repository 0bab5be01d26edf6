import { describe, expect, it } from 'vitest';
import { mayConnect } from '../../src/sip/transport/web-origin.ts';

describe('a page that connects', () => {
  it.each([
    ['without a list, any', undefined, 'https://evil.example.com', 'pbx.example.com:5066', false, true],
    ['that is listed', ['https://a.example.com'], 'https://a.example.com', 'pbx:5066', false, true],
    ['that is not listed', ['https://a.example.com'], 'https://b.example.com', 'pbx:5066', false, false],
    ['with another scheme', ['https://a.example.com'], 'http://a.example.com', 'pbx:5066', false, false],
    ['with another port', ['https://a.example.com'], 'https://a.example.com:8443', 'pbx:5066', false, false],
    ['without origin, to a list', ['https://a.example.com'], undefined, 'pbx:5066', false, false],
    ['without origin, to own ones', ['own'], undefined, 'pbx:5066', false, true],
    ['of any origin, where all may', ['*'], 'https://evil.example.com', 'pbx:5066', false, true],
    ['of our HTTP port', ['own'], 'http://127.0.0.1:8080', '127.0.0.1:5066', false, true],
    ['of our HTTP port by name', ['own'], 'http://localhost:8080', 'localhost:5066', false, true],
    ['of our HTTP port, IPv6', ['own'], 'http://[::1]:8080', '[::1]:5066', false, true],
    ['of our HTTPS port', ['own'], 'https://pbx.example.com:8443', 'pbx.example.com:8443', true, true],
    ['of a name that was made to lead here', ['own'], 'http://evil.example.com', 'evil.example.com:5066', false, false],
    ['of another host', ['own'], 'https://evil.example.com', 'pbx.example.com:8443', true, false],
    ['of another machine', ['own'], 'http://192.0.2.9', '192.0.2.1:5066', false, false],
    ['that hides its origin', ['own'], 'null', '127.0.0.1:5066', false, false],
    ['that is a file', ['own'], 'file://', '127.0.0.1:5066', false, false],
    ['with nonsense', ['own'], 'http://[', '127.0.0.1:5066', false, false],
    ['without Host', ['own'], 'http://127.0.0.1:8080', undefined, false, false],
    ['with a user in it', ['own'], 'http://127.0.0.1:8080', 'x@127.0.0.1:5066', false, true],
  ] as const)('%s', (_, origins, origin, host, secure, may) => {
    expect(mayConnect(origins, origin, host, secure)).toBe(may);
  });
});
