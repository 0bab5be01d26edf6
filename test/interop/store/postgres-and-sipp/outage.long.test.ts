import { startPostgres } from '../../support/databases.ts';
import { outageSuite } from '../outage.ts';

outageSuite('PostgreSQL', startPostgres);
