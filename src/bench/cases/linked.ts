/** A clock that is the latest of other rows, against one UPDATE with a correlated subquery. */

import { startCycle, sweep } from '../cycle.ts'
import { applyPolicy, contactRules, contactsTable } from '../data.ts'
import { NAMES, NOT_MASKED, pads, REST, update } from '../hand.ts'
import { compare, timed } from '../measure.ts'
import type { Fill } from '../server.ts'
import type { Case } from '../types.ts'

/** A template with `bench.contacts` and five `bench.purchases` each; of one contact in ten the last is old. */
function fillPurchases(rows: number): Fill {
  return async (database) => {
    await database.query(`
      create schema bench;
      ${contactsTable('bench.contacts', rows)}
      create table bench.purchases (
        id          bigint generated always as identity primary key,
        contact_id  bigint not null references bench.contacts,
        bought_on   date not null,
        article     text
      );
      insert into bench.purchases (contact_id, bought_on, article)
      select i, current_date - (case
          when i % 10 = 7 then 1200 + (i * 7 + n * 131) % 2400
          when n % 5 = 0 then (i * 31 + n * 197) % 1000
          else (i * 31 + n * 197) % 3000 end)::int, 'article ' || n % 977
      from (select n, (n * 15485863) % ${rows} + 1 as i from generate_series(1, ${5 * rows}::bigint) as n) as x;
      create index on bench.purchases (contact_id, bought_on);`)
    await applyPolicy(database, {
      'bench.contacts': { ...contactRules(), since: 'max(purchases.bought_on)' },
      'bench.purchases': {},
    })
  }
}

/** One contact in ten bought nothing for three years. */
export const aggregatedClock: Case = {
  name: 'aggregated-clock',
  title: 'sweep, clock is max() over a child of 5 rows each | one UPDATE, correlated',
  includes: 'compile, discovery, lock, look again, batches and their evidence, until nothing is found',
  unit: 'ratio',
  target: 1.1,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('purchases', fillPurchases(context.size.contacts)),
      sameTable: 'bench.contacts',
      ours: (database) => timed(async () => sweep(database, await startCycle(database))),
      baseline: async (database) => {
        const key = await pads(database)
        const late = `(select max(p.bought_on) from bench.purchases as p where p.contact_id = contacts.id) < ((now() at time zone 'Europe/Paris')::date - interval '3 years')::date`
        return timed(() => database.query(update(`${NAMES}, ${REST}`, `${late} and ${NOT_MASKED}`), key))
      },
    }),
}
