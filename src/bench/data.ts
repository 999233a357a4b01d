/**
 * The data that is measured: contacts of which one in ten is due, scattered over the heap, with six
 * columns to mask; orders with six lines each. No row is random: every run has the same data.
 */
import type pg from 'pg'
import type { Fill } from './server.ts'

/** Which index on the clock `bench.contacts` has. */
export type ClockIndex = 'partial' | 'plain' | 'none'

const ZONE = 'Europe/Paris'

/** The rules of one table of contacts. */
export function contactRules(
  delays: { names: string; rest: string } = { names: 'P3Y', rest: 'P3Y' },
): object {
  const { names, rest } = delays
  return {
    since: 'last_activity_at',
    columns: {
      email: { anonymize: { after: names, using: 'pseudonym_email' } },
      phone: { anonymize: { after: rest, using: 'suppress' } },
      first_name: { anonymize: { after: names, using: { method: 'partial', keep_start: 1, keep_end: 0 } } },
      last_name: { anonymize: { after: names, using: 'pseudonym' } },
      birth_date: { anonymize: { after: rest, using: { method: 'generalize_date', to: 'year' } } },
      ip: { anonymize: { after: rest, using: { method: 'generalize_ip', v4: 24, v6: 48 } } },
    },
  }
}

/** A table of contacts, empty of indexes. */
export function contactsTable(table: string, rows: number): string {
  return `
    create table ${table} (
      id                bigint primary key,
      email             varchar(254) not null,
      phone             varchar(32),
      first_name        text,
      last_name         text,
      birth_date        date,
      ip                inet,
      visits            int not null default 0,
      note              text,
      last_activity_at  timestamptz not null
    );
    -- A large prime scatters the due rows; the clock of a row that is due lies three to ten years back.
    insert into ${table}
    select i, 'person' || i || '@mail-' || i % 97 || '.example', '+33 6 ' || lpad((i % 100000000)::text, 8, '0'),
      (array['Amélie', 'Bruno', 'Chloé', 'Denis', 'Émile', 'Françoise', 'Gaspard', 'Hélène'])[1 + i % 8],
      'Nachname ' || i % 30011, date '1940-01-01' + (i % 25000)::int, ('10.' || i % 250 || '.' || i % 241 || '.' || i % 239)::inet,
      0, repeat('n', 40),
      now() - interval '1 day' * case when i % 10 = 7
        then 1200 + i % 2400 else i * 31 % 1000 end - interval '1 second' * (i % 86400)
    from (select (n * 15485863) % ${rows} + 1 as i from generate_series(1, ${rows}::bigint) as n) as x;
    create index on ${table} (email);`
}

/** Tells Lethe about the tables, then gives it the rights that it says are missing. */
export async function applyPolicy(
  database: pg.Client,
  tables: Record<string, object>,
  subjects: Record<string, object> = {},
): Promise<void> {
  await database.query('grant usage on schema bench to lethe_owner')
  await database.query('select * from lethe.apply_policy($1)', [
    { version: 1, controllers: { main: { time_zone: ZONE } }, tables, subjects },
  ])
  const { rows } = await database.query<{ remedy: string }>('select remedy from lethe.missing_rights()')
  for (const { remedy } of rows) await database.query(remedy)
}

/** Makes the partial index that Lethe suggests for a table. */
export async function createSuggestedIndex(database: pg.Client, table: string): Promise<void> {
  const { rows } = await database.query<{ statement: string }>(
    'select statement from lethe.suggested_indexes($1)',
    [table],
  )
  for (const { statement } of rows) await database.query(statement)
}

/** A template with `bench.contacts`. */
export function fillContacts(
  rows: number,
  index: ClockIndex,
  delays?: { names: string; rest: string },
): Fill {
  return async (database) => {
    await database.query(`create schema bench; ${contactsTable('bench.contacts', rows)}`)
    await applyPolicy(database, { 'bench.contacts': contactRules(delays) })
    if (index === 'plain') await database.query('create index on bench.contacts (last_activity_at)')
    if (index === 'partial') await createSuggestedIndex(database, 'bench.contacts')
  }
}

/** A template with `bench.orders`, each with six `bench.lines` that go with it. */
export function fillOrders(rows: number): Fill {
  return async (database) => {
    await database.query(`
      create schema bench;
      create table bench.orders (id bigint primary key, placed_on date not null, title text);
      create table bench.lines (
        order_id bigint not null references bench.orders on delete cascade,
        position int,
        article  text,
        primary key (order_id, position)
      );
      insert into bench.orders
      select i, current_date - (case when i % 10 = 7 then 4000 + i % 1000 else i * 31 % 3000 end)::int, 'order ' || i
      from (select (n * 15485863) % ${rows} + 1 as i from generate_series(1, ${rows}::bigint) as n) as x;
      insert into bench.lines select id, p, 'article ' || id % 977 from bench.orders, generate_series(1, 6) as p;
      create index on bench.orders (placed_on);`)
    await applyPolicy(database, {
      'bench.orders': { since: 'placed_on', purge: { after: 'P10Y' } },
      'bench.lines': { with: 'parent' },
    })
  }
}

/** A template with `bench.events`, partitioned by year: one year is due whole, as many rows again are not. */
export function fillEvents(rows: number): Fill {
  return async (database) => {
    await database.query(`
      create schema bench;
      create table bench.events (
        id          bigint not null,
        at          timestamptz not null,
        contact_id  bigint not null,
        kind        text not null,
        payload     text,
        primary key (id, at)
      ) partition by range (at);
      create table bench.events_2010 partition of bench.events
        for values from ('2010-01-01 UTC') to ('2011-01-01 UTC');
      create table bench.events_now partition of bench.events
        for values from ('2020-01-01 UTC') to ('2100-01-01 UTC');
      insert into bench.events
      select i, timestamptz '2010-01-01 UTC' + i * interval '364 days' / ${rows}, i * 7919 % 50000, 'open', repeat('p', 60)
      from generate_series(1, ${rows}::bigint) as i;
      insert into bench.events
      select ${rows} + i, now() - i * interval '300 days' / ${rows}, i * 7919 % 50000, 'open', repeat('p', 60)
      from generate_series(1, ${rows}::bigint) as i;
      create index on bench.events (at);
      create index on bench.events (contact_id);
      alter table bench.events owner to lethe_dropper;
      alter table bench.events_2010 owner to lethe_dropper;
      alter table bench.events_now owner to lethe_dropper;
      grant usage on schema bench to lethe_dropper;`)
    await applyPolicy(database, {
      'bench.events': { since: 'at', purge: { after: 'P5Y' }, partitions: 'drop' },
    })
  }
}
