import { startMariadb } from '../../support/databases.ts';
import { outageSuite } from '../outage.ts';

outageSuite('MariaDB', startMariadb);
