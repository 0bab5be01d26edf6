import { placeAt, storeSuite } from '../../../store/suite.ts';
import { startPostgres } from '../../support/databases.ts';

storeSuite('PostgreSQL', async () => {
  const server = await startPostgres();
  const place = await placeAt(server.url);
  return {
    ...place,
    close: async () => {
      await place.close();
      await server[Symbol.asyncDispose]();
    },
  };
});
