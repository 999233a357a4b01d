/** `lethe discover` on databases made to be difficult. What it proposes is applied as it is; what it may not do, it does not. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seed } from '../../src/demo/seed.ts'
import { discover } from '../../src/discover/discover.ts'
import type { Proposed } from '../../src/discover/propose.ts'
import { toPolicyText } from '../../src/discover/write.ts'
import { parsePolicy } from '../../src/policy/read.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { SHOP_SQL } from '../helpers/shop.ts'

let folder: string
const opened: TestDatabase[] = []

async function database(
  text = '',
  template: 'lethe' | 'audience' | 'empty' = 'lethe',
): Promise<TestDatabase> {
  const db = await createDatabase({ template })
  opened.push(db)
  await db.query('grant create on schema public to public')
  if (text) await db.installer.query(text)
  return db
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lethe-discover-'))
})
afterAll(async () => {
  await Promise.all(opened.map((db) => db.drop()))
  await rm(folder, { recursive: true, force: true })
})

/** Applies what was proposed, as it is. @returns lines of the policy in force. */
async function applied(
  db: TestDatabase,
  { proposal }: Proposed,
): Promise<{ policy: typeof proposal.policy }> {
  const { policy } = parsePolicy(toPolicyText(proposal), 'proposed.yaml')
  await db.installer.query('select lethe.apply_policy($1)', [JSON.stringify(policy)])
  return { policy }
}

const columnsOf = (
  { proposal }: Proposed,
  table: string,
): Record<string, { category?: string; anonymize?: { using: unknown } }> =>
  (proposal.get(['tables', table, 'columns']) ?? {}) as Record<
    string,
    { category?: string; anonymize?: { using: unknown } }
  >
const openOf = ({ proposal }: Proposed, table: string): string[] =>
  proposal.open.filter((item) => item.table === table).map(({ object, sentence }) => `${object}: ${sentence}`)

describe('the proposal', () => {
  it('is accepted as it is, and leaves to a person exactly the columns that it did not categorize', async () => {
    const db = await database()
    await seed({ databaseUrl: db.installer.url, contacts: 100 })
    await db.installer.query(SHOP_SQL)
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(toPolicyText(proposed.proposal)).toContain('it accepts this file as it is')
    await applied(db, proposed)
    const undecided = await db.query<{ name: string }>(`
      select format('%s.%s.%s', m.schema_name, m.table_name, a.attname) as name
      from lethe.managed_tables as m
      join pg_attribute as a on a.attrelid = format('%I.%I', m.schema_name, m.table_name)::regclass and a.attnum > 0 and not a.attisdropped
      left join lethe.managed_columns as c on c.table_id = m.id and c.column_name = a.attname
      where c.category is null order by 1`)
    const left = proposed.proposal.open
      .filter(({ kind }) => kind === 'column')
      .map(({ table, object }) => `${table}.${object}`)
    expect(undecided.map(({ name }) => name)).toEqual(left.sort())
    expect(await db.query(`select from lethe.rules`)).not.toEqual([])
  })

  it('leaves nothing to a person but what lethe check finds undecided', async () => {
    const db = await database()
    await seed({ databaseUrl: db.installer.url, contacts: 100 })
    // The publishers' readers, without the policy that was written for them.
    await db.installer.query(`select lethe.apply_policy('{"version": 1}')`)
    await db.installer.query('drop schema if exists audience_api cascade')
    const proposed = await discover({ databaseUrl: db.installer.url, schemas: ['audience'] })
    await applied(db, proposed)
    for (const { remedy } of await db.installer.query<{ remedy: string }>(
      'select remedy from lethe.missing_rights()',
    ))
      await db.installer.query(remedy)
    expect(proposed.proposal.open.filter(({ kind }) => kind !== 'controller')).toEqual([])
    expect(
      await db.installer.query(`select code, object from lethe.check() where severity = 'error'`),
    ).toEqual([])
  })

  it('does not guess whose people are, where a policy has several controllers and no column tells', async () => {
    const db = await database('', 'audience')
    await db.installer.query(`
      create table audience.colours (id int primary key, hex text);
      create table audience.gifts (id int primary key, contact_id bigint not null references audience.contacts, recipient_email text);
      create index on audience.gifts (contact_id)`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(openOf(proposed, 'audience.gifts')).toEqual([
      'table: whose its rows are: north or south, by a column or a constant',
      expect.stringContaining('contact_id: own of contact, once both tables are managed'),
    ])
    expect(proposed.proposal.get(['tables', 'audience.gifts'])).toBeUndefined()
    expect(toPolicyText(proposed.proposal)).toMatch(
      /audience.colours:\n +controller: \{constant: north\} # to confirm: north or south/,
    )
    await applied(db, proposed)
    expect(
      await db.installer.query(`select code, object from lethe.check() where severity = 'error'`),
    ).toEqual([{ code: 'unmanaged-table', object: 'audience.gifts' }])
  })

  it('respects the policy in force: adds what is undecided, and changes nothing that is decided', async () => {
    const db = await database('', 'audience')
    await db.installer.query(`
      create table audience.gifts (id int primary key, publisher_id int not null, contact_id bigint not null references audience.contacts,
        recipient_email text, wrapped_at timestamptz);
      create index gifts_by_contact on audience.gifts (contact_id);
      alter table audience.contacts add column mobile text`)
    const [before] = await db.installer.query('select lethe.export_policy() as policy')
    const proposed = await discover({ databaseUrl: db.installer.url })
    await applied(db, proposed)
    const [after] = await db.installer.query('select lethe.export_policy() as policy')
    const withoutNew = structuredClone(after!.policy)
    expect(withoutNew.tables['audience.gifts']).toMatchObject({ controller: { column: 'publisher_id' } })
    expect(withoutNew.tables['audience.contacts'].columns.mobile).toEqual({ category: 'contact' })
    expect(withoutNew.subjects.contact.links['audience.gifts']).toMatchObject({ kind: 'own' })
    expect(withoutNew).toMatchObject(before!.policy)
    expect(withoutNew.controllers).toEqual(before!.policy.controllers)

    // What is in force may itself be refused by now: then the file says so, with the remedy.
    await db.installer.query('drop index audience.gifts_by_contact')
    const { proposal } = await discover({ databaseUrl: db.installer.url })
    expect(proposal.head.join()).toMatch(
      /refuses .* in force.*without an index \[LE310\]; create index concurrently on audience.gifts/,
    )
    await db.installer.query('create index on audience.gifts (contact_id)')
    await applied(db, await discover({ databaseUrl: db.installer.url }))
  })

  it('comments on what the database would refuse, with its sentence and its remedy, instead of proposing it', async () => {
    const db = await database(`
      create schema s;
      create table s.customers (id int primary key, email varchar(12) not null unique, card_number varchar(19), last_order_on date, active boolean not null, is_smoker boolean not null);
      create table s.invoices (id int primary key, customer_id int not null references s.customers, issued_on date not null);
      create table s.invoice_lines (id int primary key, invoice_id int not null references s.invoices, label text);
      create table s.log (who text, ip inet);
      create table s.visits (id int primary key, ip inet, last_seen_at timestamptz);
      create function s.touch() returns trigger language plpgsql as 'begin new.last_seen_at := now(); return new; end';
      create trigger touch before update on s.visits for each row execute function s.touch()`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    await applied(db, proposed)
    expect(columnsOf(proposed, 's.customers').email).toEqual({ category: 'contact' })
    expect(openOf(proposed, 's.customers').join('\n')).toMatch(/email: how to mask it/)
    expect(openOf(proposed, 's.customers').join('\n')).toMatch(/is_smoker: how to mask it: boolean, NOT NULL/)
    expect(proposed.proposal.get(['tables', 's.invoices', 'purge'])).toBeUndefined()
    expect(openOf(proposed, 's.invoices').join('\n')).toMatch(
      /without an index \[LE310\]; create index concurrently on s\.invoice_lines \(invoice_id\)/,
    )
    expect(openOf(proposed, 's.log')).toEqual([expect.stringContaining('no usable key')])
    expect(openOf(proposed, 's.visits').join('\n')).toMatch(/LE312/)
    expect(columnsOf(proposed, 's.visits').ip).toEqual({ category: 'technical' })

    await db.installer.query(`
      create index on s.invoice_lines (invoice_id);
      alter table s.log add id int generated always as identity primary key;
      drop trigger touch on s.visits`)
    const repaired = await discover({ databaseUrl: db.installer.url })
    expect(repaired.proposal.get(['tables', 's.log'])).toBeDefined()
    const fresh = await database()
    await fresh.installer.query(`
      create schema s;
      create table s.customers (id int primary key, email varchar(40) not null unique, last_order_on date);
      create table s.invoices (id int primary key, customer_id int not null references s.customers, issued_on date not null);
      create index on s.invoices (customer_id)`)
    const accepted = await discover({ databaseUrl: fresh.installer.url })
    expect(columnsOf(accepted, 's.customers').email!.anonymize).toEqual({
      after: 'P3Y',
      using: 'pseudonym_email',
    })
    // Who has not ordered by that column may be a customer by another.
    expect(accepted.proposal.get(['tables', 's.customers', 'since'])).toEqual([
      'last_order_on',
      'max(invoices.issued_on)',
    ])
    // The law's ten years begin with the end of the financial year, up to a year after the clock.
    expect(accepted.proposal.get(['tables', 's.invoices', 'purge'])).toEqual({ after: 'P11Y' })
  })

  it('finds references that nobody declared, from names and values together, and asks where only one of the two speaks', async () => {
    const db = await database(`
      create table public.clients (id int primary key, nom text, courriel text);
      create table public.achats (id int primary key, client_id int, fait_le date);
      create table public.avis (id int primary key, client_id int, texte text);
      create table public.lettres (id int primary key, courriel text, envoye_le date);
      create table public.commentaires (id int primary key, commentable_type text, commentable_id int, courriel text);
      insert into clients select i, 'N' || i, 'c' || i || '@exemple.fr' from generate_series(1, 40) i;
      insert into achats select i, i, '2020-01-01' from generate_series(1, 40) i;
      insert into avis select i, i + 20, 'x' from generate_series(1, 40) i;
      insert into lettres select i, 'c' || i || '@exemple.fr', '2020-01-01' from generate_series(1, 40) i`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    const links = proposed.proposal.get(['subjects', 'client', 'links']) as Record<string, unknown>
    expect(links['public.achats']).toEqual({
      kind: 'own',
      to: 'public.clients',
      columns: { client_id: 'id' },
    })
    expect(links['public.lettres']).toEqual({
      kind: 'own',
      to: 'public.clients',
      columns: { courriel: 'courriel' },
    })
    expect(links['public.avis']).toBeUndefined()
    expect(openOf(proposed, 'public.avis').join()).toMatch(/client_id → public.clients.id\?.* only 50 %/)
    expect(openOf(proposed, 'public.commentaires').join()).toContain('rows of several tables')
    await applied(db, proposed)
  })

  it('takes names as they are: mixed case, spaces, quotes, dots, and what looks like an injection', async () => {
    const db = await database(`
      create schema "HR App";
      create table "HR App"."Employés" ("employeeId" int primary key, "Nom" text not null, "Adresse e-mail" varchar(120), "x'); drop table t; --" text,
        "line
break" text, "managerId" int references "HR App"."Employés", "dateDépart" date);
      create table "HR App"."Bulletin.Paie" (id int primary key, "employeeId" int not null references "HR App"."Employés", "périodePaie" date not null);
      insert into "HR App"."Employés" values (1, 'Ada', 'ada@example.org', 'x', 'y')`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(proposed.proposal.get(['subjects', 'employe'])).toMatchObject({
      table: 'HR App.Employés',
      identifiers: ['Adresse e-mail'],
    })
    expect(proposed.proposal.open).toContainEqual(
      expect.objectContaining({ object: "x'); drop table t; --" }),
    )
    const { policy } = await applied(db, proposed)
    expect(Object.keys(policy.tables as object)).toEqual(['HR App.Bulletin.Paie', 'HR App.Employés'])
    expect(policy).toMatchObject({ tables: { 'HR App.Bulletin.Paie': { purge: { after: 'P5Y' } } } })
  })

  it('manages a partitioned table as a whole, and neither partitions, children, views nor what an extension or Lethe owns', async () => {
    const db = await database(`
      create table public.events (id int, at date, email text, primary key (id, at)) partition by range (at);
      create table public.events_2020 partition of public.events for values from ('2020-01-01') to ('2021-01-01');
      create table public.base (id int primary key, email text);
      create table public.child () inherits (public.base);
      create view public.seen as select * from public.base;
      create materialized view public.copied as select * from public.base`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(Object.keys(proposed.proposal.policy.tables as object)).toEqual(['public.base', 'public.events'])
    expect(proposed.proposal.head.join('\n')).toContain('1 materialized view not read: public.copied')
    expect(proposed.proposal.head.join('\n')).toContain('1 view not read: public.seen')
    await applied(db, proposed)
  })

  it('copes with a table of 500 columns, and one without rows, one without columns', async () => {
    const many = Array.from({ length: 500 }, (_, n) => `c${n} text`).join(', ')
    const db = await database(`
      create table public.wide (id int primary key, email text, ${many});
      insert into public.wide (id, email, c7) select i, 'a' || i || '@example.org', 'b' || i || '@example.org' from generate_series(1, 200) i;
      create table public.empty (id int primary key, email text);
      create table public.nothing ()`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(columnsOf(proposed, 'public.wide').c7).toEqual({ category: 'contact' })
    expect(columnsOf(proposed, 'public.empty').email).toEqual({ category: 'contact' })
    await applied(db, proposed)
  })

  it('proposes for 500 tables and 800 foreign keys, and says what it had no time to ask', async () => {
    const tables = Array.from(
      { length: 500 },
      (_, n) =>
        `create table big.${n % 50 === 0 ? 'customer' : 'thing'}_${n} (id bigint primary key, email text, at date, a bigint, b bigint);`,
    )
    const name = (n: number): string => `big.${n % 50 === 0 ? 'customer' : 'thing'}_${n}`
    const keys = Array.from({ length: 800 }, (_, n) => {
      const child = (n % 499) + 1
      return `alter table ${name(child)} add foreign key (${n < 499 ? 'a' : 'b'}) references ${name(child >> 1)};`
    })
    const db = await database(`create schema big; ${tables.join('\n')} ${keys.join('\n')}`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(Object.keys(proposed.proposal.policy.tables as object)).toHaveLength(500)
    expect(proposed.findings.links.length).toBeGreaterThan(400)
    expect(toPolicyText(proposed.proposal)).toMatch(
      /it accepts this file as it is|asked about a part of this only/,
    )
  })
})

describe('what discover may not do', () => {
  const SECRETS = [
    'zoe.quelconque@secret.example',
    'FR7630006000011234567890189',
    '0642424242',
    'Zoé Quelconque',
    '1931-07-09',
    '203.0.113.77',
  ]

  it('shows no value it has looked at: not in its output, nor in any statement, table of Lethe or error', async () => {
    const db = await database(`
      create table public.people (id int primary key, email text, account text, tel text, name text, born date, ip text, note text, doc jsonb);
      insert into public.people select i, ${SECRETS.map((secret) => `'${secret}'`).join(', ')}, 'write to ${SECRETS[0]}', jsonb_build_object('${SECRETS[3]}', '${SECRETS[0]}')
      from generate_series(1, 30) i`)
    await db.query(`alter database ${db.name} set log_statement = 'all'`)
    const file = join(folder, 'people.yaml')
    const outcomes = [
      await lethe(['discover'], { databaseUrl: db.installer.url }),
      await lethe(['discover', '--json'], { databaseUrl: db.installer.url }),
      await lethe(['discover', '--output', file], { databaseUrl: db.installer.url }),
    ]
    for (const { code, stderr } of outcomes) expect(code, stderr).toBe(0)
    const said = [
      ...outcomes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
      await readFile(file, 'utf8'),
    ].join('\n')
    expect(said).toContain('account: {category: direct identifier}')
    expect(said).toContain('IBANs')
    // The server's log has every statement that discover sent, and the insert above is from before it was turned on.
    const [log] = await db.query<{ text: string }>(
      `select pg_read_file(current_setting('data_directory') || '/server.log') as text`,
    )
    expect(log!.text).toContain('cross join lateral (values (0,')
    const after = log!.text.slice(log!.text.indexOf(`alter database ${db.name}`))
    const kept = await db.query<{ text: string }>(
      `select string_agg(c::text, ' ') as text from lethe.policy_changes as c`,
    )
    for (const secret of SECRETS) {
      expect(said).not.toContain(secret)
      expect(after).not.toContain(secret)
      expect(kept[0]!.text ?? '').not.toContain(secret)
    }
  })

  it('changes nothing, even where reading runs the code of the host', async () => {
    const db = await database(`
      create table public.seen_by (n int);
      create table public.people (id int primary key, email text);
      insert into public.people values (1, 'a@example.org');
      create function public.watch() returns boolean language plpgsql as 'begin insert into public.seen_by values (1); return true; end';
      alter table public.people enable row level security;
      alter table public.people force row level security;
      create policy watched on public.people using (public.watch())`)
    const before = await db.query(
      'select lethe.export_policy(), (select count(*) from lethe.policy_changes) as n',
    )
    const proposed = await discover({ databaseUrl: db.installer.url })
    expect(proposed.proposal.comments.get('["tables","public.people"]')).toContain('SQLSTATE 25006')
    expect(await db.query('select from public.seen_by')).toEqual([])
    expect(
      await db.query('select lethe.export_policy(), (select count(*) from lethe.policy_changes) as n'),
    ).toEqual(before)
    expect(
      (await refusal(db.installer.query('begin read only; insert into public.seen_by values (1)'))).code,
    ).toBe('25006')
  })

  it('reads what the login may, says what it may not, and is not asked for a policy by who cannot set one', async () => {
    const db = await database(`
      create table public.people (id int primary key, mine boolean, x text);
      insert into public.people select i, i <= 20, case when i <= 20 then 'plain' else 'a' || i || '@example.org' end from generate_series(1, 200) i;
      create table public.closed (id int primary key, email text);
      create table public.half (id int primary key, email text, hidden text);
      alter table public.people enable row level security;
      create policy mine on public.people using (mine)`)
    const reader = await db.asRole()
    await db.installer.query(
      `grant select on public.people to public; grant select (id, email) on public.half to public`,
    )
    const asReader = await discover({ databaseUrl: reader.url })
    expect(asReader.proposal.comments.get('["tables","public.people"]')).toContain('row security')
    expect(asReader.proposal.comments.get('["tables","public.closed"]')).toContain('may not read it')
    expect(asReader.proposal.comments.get('["tables","public.half"]')).toContain(
      'may not read 1 of its columns',
    )
    expect(asReader.proposal.head.join('\n')).toContain('this login may not change the policy')
    expect(columnsOf(asReader, 'public.people').x?.category).not.toBe('contact')
    const asOwner = await discover({ databaseUrl: db.installer.url })
    expect(columnsOf(asOwner, 'public.people').x).toEqual({ category: 'contact' })
  })

  it('reads no more of a huge value than it needs, and gives up on a table that takes too long', async () => {
    const db = await database(`
      create table public.huge (id int primary key, body text, doc jsonb);
      insert into public.huge select i, repeat('Lorem ipsum ', 3000000) || 'late@example.org', jsonb_build_object('x', repeat(md5(i::text), 20000)) from generate_series(1, 5) i;
      create function public.slow() returns boolean language plpgsql as 'begin perform pg_sleep(60); return true; end';
      create table public.slow_people (id int primary key, email text);
      insert into public.slow_people values (1, 'a@example.org');
      alter table public.slow_people enable row level security;
      alter table public.slow_people force row level security;
      create policy slow on public.slow_people using (public.slow())`)
    const proposed = await discover({ databaseUrl: db.installer.url })
    const huge = proposed.findings.tables.find(({ table }) => table.name === 'huge')!
    expect(huge.judged.map(({ why }) => why).join()).not.toContain('e-mail')
    expect(proposed.proposal.comments.get('["tables","public.slow_people"]')).toContain('SQLSTATE 57014')
  })
})

describe('lethe discover', () => {
  it('writes a new file and never over one that may have been worked on', async () => {
    const db = await database('create table public.people (id int primary key, email text)')
    const file = join(folder, 'new.yaml')
    const first = await lethe(['discover', '--output', file], { databaseUrl: db.installer.url })
    expect(first).toMatchObject({ code: 0 })
    const text = await readFile(file, 'utf8')
    const second = await lethe(['discover', '--output', file], { databaseUrl: db.installer.url })
    expect(second).toMatchObject({ code: 2 })
    expect(second.stderr).toContain('may have been worked on')
    expect(await readFile(file, 'utf8')).toBe(text)
    expect((await lethe(['policy', 'apply', file, '--grant'], { databaseUrl: db.installer.url })).code).toBe(
      0,
    )
  })

  it('proposes before Lethe is installed, and says that it was not asked', async () => {
    const db = await database(
      'create schema host; create table host.people (id int primary key, email text)',
      'empty',
    )
    const outcome = await lethe(['discover', '--schema', 'host'], { databaseUrl: db.installer.url })
    expect(outcome.code, outcome.stderr).toBe(0)
    expect(outcome.stdout).toContain('email: {category: contact}')
    expect(outcome.stdout).toContain('not installed here yet (lethe init)')
  })

  it('says so when there is nothing to look at (LE623), and what --rows takes', async () => {
    const db = await database()
    const empty = await lethe(['discover'], { databaseUrl: db.installer.url })
    expect(empty).toMatchObject({ code: 2 })
    expect(empty.stderr).toContain('[LE623]')
    await db.installer.query('create table public.people (id int primary key, email text)')
    const none = await lethe(['discover', '--schema', 'nowhere'], { databaseUrl: db.installer.url })
    expect(none.stderr).toContain('no table in schema nowhere')
    expect((await lethe(['discover', '--rows', 'many'], { databaseUrl: db.installer.url })).stderr).toContain(
      '[LE607]',
    )
    expect(
      (await lethe(['discover', '--rows', '0', '--schema', 'public'], { databaseUrl: db.installer.url }))
        .code,
    ).toBe(0)
  })
})
