/** Looking for what is left of people: for a thousand of them at once, against one. */
import type pg from 'pg'
import { applyPolicy, contactsTable } from '../data.ts'
import { compare, timed } from '../measure.ts'
import type { Case } from '../types.ts'

const PEOPLE = 1000

/** Requests that are executed, each with an address, a telephone number and a name to look for. */
const REQUESTS = `
  select lethe.set_subject_type('contact', 'bench.contacts', array['email', 'phone']);
  with opened as (
    insert into lethe.requests (controller_id, kind, subject, due_on, state)
    select c.id, 'erasure', 'contact', current_date, 'executed' from lethe.controllers as c, generate_series(1, ${PEOPLE})
    returning id, controller_id
  )
  insert into lethe_private.request_identifiers
  select o.id, v.n, v.name, s.sealed, s.key_version
  from opened as o
  cross join lateral (values
    (1, 'email', 'person' || o.id || '@mail-' || o.id % 97 || '.example'), (2, 'phone', '+33 6 ' || lpad(o.id::text, 8, '0')),
    (3, 'name', 'Name' || o.id || ' Nachname')) as v (n, name, value)
  cross join lateral lethe_private.seal_text(v.value, o.controller_id) as s;`

/** Half of the text is JSON, and one row in a hundred names somebody. */
const notes = (rows: number): string => `
  create table bench.notes (id bigint primary key, body text, payload jsonb);
  insert into bench.notes
  select i, 'Call about order ' || i || ': ' || repeat('the parcel came late, and another one is asked for; ', 4)
      || case when i % 100 = 7 then 'write to person' || i || '@mail-' || i % 97 || '.example' else '' end,
    jsonb_build_object('number', i, 'phone', '+33 7 ' || lpad(i::text, 8, '0'), 'tags', array['a', 'b'],
      'text', repeat('sed ut perspiciatis unde omnis iste natus error ', 4))
  from generate_series(1, ${rows}::bigint) as i;
  grant select on bench.notes to lethe_sweeper;`

const scan = (people: number) => (database: pg.Client) =>
  timed(() =>
    database.query(
      `select count(*) from lethe.scan_residue(array(select r.id from lethe.requests as r order by r.id limit ${people}), true)`,
    ),
  )

export const residueOfMany: Case = {
  name: 'residue-of-many',
  title: `residue scan for ${PEOPLE.toLocaleString('en')} people | for one`,
  includes: 'every text of two tables, evidence, jobs, statistics; findings',
  unit: 'ratio',
  target: 2,
  run: async (context) =>
    compare(context, {
      template: await context.server.template('residue', async (database) => {
        await database.query(
          `create schema bench; ${contactsTable('bench.contacts', context.size.contacts / 10)}`,
        )
        await applyPolicy(database, {
          'bench.contacts': { since: 'last_activity_at', purge: { after: 'P30Y' } },
        })
        await database.query(notes(context.size.contacts))
        await database.query(REQUESTS)
        await database.query('analyze')
      }),
      ours: scan(PEOPLE),
      baseline: scan(1),
    }),
}
