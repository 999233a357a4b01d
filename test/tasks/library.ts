/**
 * A small host database for the tests of cycles: readers of two publishers in two zones, their loans,
 * and notes that nothing refers to. A third of the readers are due.
 */
import type { QueryResultRow } from 'pg'

/** A database of a test, as superuser. */
interface Database {
  query<Row extends QueryResultRow = QueryResultRow>(text: string): Promise<Row[]>
}

/** What no log may ever hold: the domain of every seeded e-mail. */
export const SECRET = 'private-person.example'

const SCHEMA = `
create schema library;
create table library.readers (
  id int primary key,
  publisher int not null,
  email varchar(80) not null,
  phone text,
  seen_at timestamptz
);
create table library.loans (
  id int primary key,
  reader_id int not null references library.readers,
  publisher int not null,
  lent_on date
);
create index on library.loans (reader_id);
create table library.notes (
  id int primary key,
  publisher int not null,
  body text,
  written_at timestamptz
);
insert into library.readers
select i, 1 + i % 2, 'reader' || i || '@${SECRET}', '+33 6 ' || i,
  now() - case when i % 3 = 0 then interval '4 years' else interval '1 year' end
from generate_series(1, 900) as i;
insert into library.loans select i, i, 1 + i % 2, current_date - 5000 from generate_series(1, 900, 5) as i;
insert into library.notes
select i, 1 + i % 2, 'call reader' || i || '@${SECRET}', now() - interval '4 years' from generate_series(1, 300) as i;
grant usage on schema library to lethe_owner, lethe_sweeper;
`

const POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: 'Europe/Paris', reference: '1' },
    south: { time_zone: 'America/Sao_Paulo', reference: '2' },
  },
  tables: {
    'library.readers': {
      controller: { column: 'publisher' },
      since: 'seen_at',
      columns: {
        email: { category: 'contact', anonymize: { after: 'P3Y', using: 'pseudonym_email' } },
        phone: { category: 'contact', anonymize: { after: 'P3Y', using: 'suppress' } },
      },
      purge: { after: 'P10Y' },
    },
    'library.loans': { controller: { column: 'publisher' }, since: 'lent_on', purge: { after: 'P10Y' } },
    'library.notes': {
      controller: { column: 'publisher' },
      since: 'written_at',
      columns: { body: { category: 'content', anonymize: { after: 'P3Y', using: 'suppress' } } },
    },
  },
}

/** Makes the tables, applies the policy, grants what the sweeper needs. */
export async function makeLibrary(db: Database): Promise<void> {
  await db.query(SCHEMA)
  await db.query(`select count(*) from lethe.apply_policy($policy$${JSON.stringify(POLICY)}$policy$)`)
  await grantMissing(db)
}

/** Carries out what lethe.missing_rights proposes. */
export async function grantMissing(db: Database): Promise<void> {
  for (const { remedy } of await db.query<{ remedy: string }>('select remedy from lethe.missing_rights()')) {
    await db.query(remedy)
  }
}

/** How many values are due and not masked yet. */
export async function countDue(db: Database): Promise<number> {
  const [row] = await db.query<{ due: number }>(`
    select (select count(*) from library.readers
            where seen_at < now() - interval '3 years 2 days' and (email like '%${SECRET}' or phone is not null))
         + (select count(*) from library.notes where body is not null)
         + (select count(*) from library.loans where lent_on < current_date - interval '10 years 2 days') as due`)
  return Number(row!.due)
}

/** Everything in the tables, as one text: to see whether anything changed. */
export async function contents(db: Database): Promise<string> {
  const [row] = await db.query<{ all: string }>(`
    select (select json_agg(r order by id) from library.readers as r)::text
        || (select json_agg(l order by id) from library.loans as l)::text
        || (select json_agg(n order by id) from library.notes as n)::text as all`)
  return row!.all
}

/** Waits until a condition holds. */
export async function until(holds: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come about in time')
    await new Promise((wake) => setTimeout(wake, 50))
  }
}

/** A logger that remembers. */
export function memoryLog(): {
  lines: string[]
  logger: Record<'error' | 'warn' | 'info' | 'debug', (text: string) => void>
} {
  const lines: string[] = []
  const put = (level: string) => (text: string) => void lines.push(`${level} ${text}`)
  return { lines, logger: { error: put('error'), warn: put('warn'), info: put('info'), debug: put('debug') } }
}
