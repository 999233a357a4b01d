/** 100 k due rows of a million, six columns masked, against one hand-written UPDATE. */

import type pg from 'pg'
import { startCycle, sweep } from '../cycle.ts'
import { fillContacts } from '../data.ts'
import { NAMES, NOT_MASKED, olderThan, pads, REST, update } from '../hand.ts'
import { compare, type Side, timed } from '../measure.ts'
import type { Case } from '../types.ts'

const INCLUDES = 'compile, discovery, batches and their evidence, until nothing is found'

const ours: Side = (database) => timed(async () => sweep(database, await startCycle(database)))

/** One or more statements, each with the key if it takes one. */
function byHand(statements: string[], prepare?: string): Side {
  return async (database) => {
    if (prepare) await database.query(`${prepare}; checkpoint`)
    const key = await pads(database)
    return timed(async () => {
      for (const text of statements)
        await database.query<pg.QueryResultRow>(text, text.includes('$1') ? key : [])
    })
  }
}

const BY_ONE_UPDATE = [update(`${NAMES}, ${REST}`, `${olderThan('3 years')} and ${NOT_MASKED}`)]

/** Where Lethe's partial index takes the place of the host's index on the clock, which by hand would stay. */
export const sweepPartial: Case = {
  name: 'sweep-partial',
  title: 'sweep, partial index in place of the clock index | one UPDATE, clock index',
  includes: INCLUDES,
  unit: 'ratio',
  target: 1.15,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('partial', fillContacts(context.size.contacts, 'partial')),
      sameTable: 'bench.contacts',
      ours,
      baseline: byHand(
        BY_ONE_UPDATE,
        'drop index bench.contacts_lethe_due; create index on bench.contacts (last_activity_at)',
      ),
    }),
}

/** The same, harder: by hand too one knows about partial indexes, and tests one column alone. */
export const sweepPartialBoth: Case = {
  name: 'sweep-partial-both',
  title: 'sweep, partial index | one UPDATE, with a simpler partial index of its own',
  includes: INCLUDES,
  unit: 'ratio',
  target: 1.15,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('partial', fillContacts(context.size.contacts, 'partial')),
      sameTable: 'bench.contacts',
      ours,
      baseline: byHand(
        BY_ONE_UPDATE,
        `drop index bench.contacts_lethe_due; create index on bench.contacts (last_activity_at) where ${NOT_MASKED}`,
      ),
    }),
}

/** Where nothing may be added: the host's plain index on the clock serves both. */
export const sweepPlain: Case = {
  name: 'sweep-plain',
  title: 'sweep, the host’s plain clock index stays | one UPDATE',
  includes: INCLUDES,
  unit: 'ratio',
  target: 1.25,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('plain', fillContacts(context.size.contacts, 'plain')),
      sameTable: 'bench.contacts',
      ours,
      baseline: byHand(BY_ONE_UPDATE),
    }),
}

/** The same after a restart, with nothing in memory: neither side's first read is spared. */
export const sweepCold: Case = {
  ...sweepPlain,
  name: 'sweep-cold',
  title: 'sweep, nothing in the cache, the host’s plain clock index stays | one UPDATE',
  restarts: true,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('plain', fillContacts(context.size.contacts, 'plain')),
      sameTable: 'bench.contacts',
      ours,
      baseline: byHand(BY_ONE_UPDATE),
      cold: true,
    }),
}

/** The same where the key is a random uuid, whose text is what the evidence is about. */
export const sweepUuid: Case = {
  name: 'sweep-uuid',
  title: 'sweep, uuid keys, the host’s plain clock index stays | one UPDATE',
  includes: INCLUDES,
  unit: 'ratio',
  target: 1.25,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('uuids', async (database) => {
        await fillContacts(context.size.contacts, 'plain')(database)
        await database.query(`
          alter table bench.contacts drop constraint contacts_pkey, alter id type uuid using md5(id::text)::uuid;
          alter table bench.contacts add primary key (id)`)
      }),
      sameTable: 'bench.contacts',
      ours,
      baseline: byHand(BY_ONE_UPDATE),
    }),
}

/** Three columns after three years, three after four: one pass over the rows instead of two. */
export const twoDelays: Case = {
  name: 'two-delays',
  title: 'two rules, different delays, one statement | two UPDATEs',
  includes: INCLUDES,
  unit: 'ratio',
  target: 0.75,
  run: async (context) =>
    compare(context, {
      template: await context.server.template(
        'delays',
        fillContacts(context.size.contacts, 'plain', { names: 'P3Y', rest: 'P4Y' }),
      ),
      sameTable: 'bench.contacts',
      ours,
      baseline: byHand([
        update(NAMES, `${olderThan('3 years')} and ${NOT_MASKED}`),
        update(REST, `${olderThan('4 years')} and phone is not null`),
      ]),
    }),
}
