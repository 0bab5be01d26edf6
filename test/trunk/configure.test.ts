import { describe } from 'vitest';
import { ConfigError } from '../../src/index.ts';
import { expect, test } from '../helpers/lab.ts';

describe('trunks that change', () => {
  test('are there at once, and those that do not stay as they are', async ({ lab }) => {
    const provider = lab.phone('provider', { address: '10.0.9.9' });
    const other = lab.phone('other', { address: '10.0.9.8' });
    const tandem = await lab.serve((call) => call.reject(404), {
      trunks: { a: { uri: 'sip:10.0.9.9' }, b: { uri: 'sip:10.0.9.8' } },
    });
    const [a, b] = [tandem.trunk('a'), tandem.trunk('b')];
    await lab.run(tandem.configureTrunks({ a: { uri: 'sip:10.0.9.9' }, b: { uri: 'sip:10.0.9.9' } }));
    expect(tandem.trunk('a')).toBe(a);
    expect(tandem.trunk('b')).not.toBe(b);
    provider.onCall = { reject: 486 };
    other.onCall = { reject: 404 };
    await expect(lab.run(tandem.trunk('b').invite('1'))).rejects.toThrow('486');
    await lab.run(tandem.configureTrunks({}));
    expect(() => tandem.trunk('a')).toThrow('there is no trunk "a"');
  });

  test('let calls go on', async ({ lab }) => {
    const provider = lab.phone('provider', { address: '10.0.9.9' });
    provider.onCall = { answerAfterMs: 100 };
    const tandem = await lab.serve((call) => call.reject(404), { trunks: { a: { uri: 'sip:10.0.9.9' } } });
    const leg = await lab.run(tandem.trunk('a').invite('1'));
    await lab.run(tandem.configureTrunks({ b: { uri: 'sip:10.0.9.8' } }));
    await lab.advance(5000);
    expect(leg.state).toBe('confirmed');
    await provider.hangup();
  });

  test('stay as they were when one is wrong', async ({ lab }) => {
    const tandem = await lab.serve((call) => call.reject(404), { trunks: { a: { uri: 'sip:10.0.9.9' } } });
    const a = tandem.trunk('a');
    expect(() => tandem.configureTrunks({ a: { uri: 'sip:10.0.9.8' }, b: { uri: '' } })).toThrow(ConfigError);
    expect(tandem.trunk('a')).toBe(a);
  });
});
