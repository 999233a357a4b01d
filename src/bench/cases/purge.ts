/** Purges rows that take others along, against one DELETE that cascades. */

import { startCycle, sweep } from '../cycle.ts'
import { fillOrders } from '../data.ts'
import { compare, timed } from '../measure.ts'
import type { Case } from '../types.ts'

/** One in ten orders, each with its six lines. */
export const purgeChildren: Case = {
  name: 'purge-children',
  title: 'purge of parents with 6 children each | one cascading DELETE',
  includes: 'compile, discovery, lock, look again, delete, evidence, until nothing is found',
  unit: 'ratio',
  target: 1.15,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('orders', fillOrders(context.size.orders)),
      sameTable: 'bench.lines',
      ours: (database) => timed(async () => sweep(database, await startCycle(database))),
      baseline: (database) =>
        timed(() =>
          database.query(`delete from bench.orders where placed_on < current_date - interval '10 years'`),
        ),
    }),
}
