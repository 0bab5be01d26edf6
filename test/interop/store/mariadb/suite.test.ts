import { placeAt, storeSuite } from '../../../store/suite.ts';
import { startMariadb } from '../../support/databases.ts';

storeSuite('MariaDB', async () => {
  const server = await startMariadb();
  const place = await placeAt(server.url);
  return {
    ...place,
    close: async () => {
      await place.close();
      await server[Symbol.asyncDispose]();
    },
  };
});
