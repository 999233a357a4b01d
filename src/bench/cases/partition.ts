/** Purges a whole partition, against one DELETE of its rows. */

import { startCycle, sweep } from '../cycle.ts'
import { fillEvents } from '../data.ts'
import { compare, timed } from '../measure.ts'
import type { Case } from '../types.ts'

/** Two years, of which one is due whole. */
export const purgePartition: Case = {
  name: 'purge-partition',
  title: 'purge of a whole partition | DELETE of its rows',
  includes: 'compile, both looks, the keyed root over all keys, DROP, evidence, the search in what remains',
  unit: 'ratio',
  target: 0.1,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('events', fillEvents(context.size.contacts)),
      sameTable: 'bench.events',
      ours: (database) => timed(async () => sweep(database, await startCycle(database))),
      baseline: (database) =>
        timed(() => database.query(`delete from bench.events where at < timestamptz '2011-01-01 UTC'`)),
    }),
}
