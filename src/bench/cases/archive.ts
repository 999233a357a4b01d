/** Moves rows into the archive, against INSERT; DELETE in one transaction. */

import { startCycle, sweep } from '../cycle.ts'
import { applyPolicy, contactsTable } from '../data.ts'
import { compare, timed } from '../measure.ts'
import type { Case } from '../types.ts'

/** One in ten contacts. Either archive has one index, by which a record is found. */
export const archiveMove: Case = {
  name: 'archive-move',
  title: 'archive move | INSERT; DELETE in one transaction',
  includes: 'compile, the mirror, discovery, batches, evidence, until nothing is found',
  unit: 'ratio',
  target: 1.4,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('to_archive', async (database) => {
        await database.query(`
          create schema bench; ${contactsTable('bench.contacts', context.size.contacts)}
          create index on bench.contacts (last_activity_at);
          create table bench.contacts_archive (like bench.contacts, archived_at timestamptz not null default now());
          create index on bench.contacts_archive (id)`)
        await applyPolicy(database, {
          'bench.contacts': {
            since: 'last_activity_at',
            archive: { after: 'P3Y' },
            purge: { after: 'P30Y' },
          },
        })
      }),
      sameTable: 'bench.contacts',
      ours: (database) => timed(async () => sweep(database, await startCycle(database))),
      baseline: (database) =>
        timed(() =>
          database.query(`
            begin;
            insert into bench.contacts_archive select * from bench.contacts where ${DUE};
            delete from bench.contacts where ${DUE};
            commit`),
        ),
    }),
}

const DUE = `last_activity_at < ((current_date - interval '3 years')::date)::timestamp at time zone 'Europe/Paris'`
