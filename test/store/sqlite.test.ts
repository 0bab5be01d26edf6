import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeAt, storeSuite } from './suite.ts';

storeSuite('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-store-'));
  const place = await placeAt(`sqlite:${join(folder, 'data', 'tandem.db')}`);
  return {
    ...place,
    close: async () => {
      await place.close();
      rmSync(folder, { recursive: true });
    },
  };
});
