/**
 * A small circle of people for the tests of rights, with every kind of row: a person's own, what two share, what
 * merely mentions one. Two controllers in two time zones share its tables.
 *
 * ```
 * "People"  ─ invited_by → "People"    another person, whose number is nobody else's business
 * orders    ─ person_id  → "People"    own, by partition; lines ─ order → orders   own, with parent
 * messages  ─ sender, receiver         share, both
 * notes     ─ person_id  → "People"    mention
 * ```
 */
import { Command } from 'commander'
import { vi } from 'vitest'
import { registerRights } from '../../src/cli/commands/request_rights.ts'
import type { Login } from './database.ts'
import { grantMissing, rowsOf, type Session } from './engine.ts'

/** Owner of the tables; no superuser. */
export const HOST = 'lethe_test_rights_host'
/** The application's role: may read and write, and owns nothing. */
export const APP = 'lethe_test_rights_app'

const TABLES = `
  create table c."People" (
    id int primary key, owner varchar(5) not null, email text unique, "Nick" varchar(8), photo bytea, worth numeric(30, 4), big bigint,
    shout text generated always as (upper("Nick")) stored, born date, seen timestamptz, invited_by int references c."People");
  create index on c."People" (invited_by);
  create table c.orders (
    id int, at date, owner varchar(5) not null, person_id int references c."People", address text, primary key (id, at)
  ) partition by range (at);
  create index on c.orders (person_id);
  create table c.orders_old partition of c.orders for values from ('2000-01-01') to ('2020-01-01');
  create table c.orders_new partition of c.orders for values from ('2020-01-01') to ('2100-01-01');
  create table c.lines (
    id uuid primary key default gen_random_uuid(), owner varchar(5) not null, order_id int, order_at date, label text,
    foreign key (order_id, order_at) references c.orders (id, at));
  create index on c.lines (order_id, order_at);
  create table c.messages (
    id bytea primary key, owner varchar(5) not null, sender int references c."People", receiver int references c."People", body text, at timestamptz);
  create index on c.messages (sender);
  create index on c.messages (receiver);
  create table c.notes (id int primary key, owner varchar(5) not null, person_id int references c."People", author text, body text, at date);
  create index on c.notes (person_id);
  insert into c."People" (id, owner, email, "Nick", photo, worth, big, born, seen, invited_by)
  select i, case when i < 7 then 'n' else 's' end, 'p' || i || '@example.org', 'Nick' || i, '\\x00ff', 12345678901234567890.1234, 9007199254740993,
    '1990-02-28', '2024-07-01 12:00Z', case when i = 2 then 1 when i = 8 then 7 end
  from generate_series(1, 9) as i;
  -- Person 9 is of south; one order of south's is somebody of north's, by mistake.
  insert into c.orders
  select i, date '2018-01-01' + 120 * i, case when i % 9 + 1 < 7 or i = 7 then 'n' else 's' end, i % 9 + 1, 'Road ' || i from generate_series(1, 18) as i;
  insert into c.lines (owner, order_id, order_at, label) select owner, id, at, 'label ' || id from c.orders;
  insert into c.messages values
    ('\\x01', 'n', 1, 2, 'from 1 to 2', '2024-01-01 00:00Z'), ('\\x02', 'n', 2, 3, 'from 2 to 3', '2024-01-02 00:00Z'), ('\\x03', 'n', 4, 5, 'from 4 to 5', '2024-01-03 00:00Z');
  insert into c.notes values (1, 'n', 1, 'Clerk C', 'says p1 and p4 are friends', '2024-05-05'), (2, 'n', 4, 'Clerk C', 'nothing', '2024-05-06');`

/** Makes the circle anew, with its policy, its host's roles and the grants that the engine needs. */
export async function makeCircle(db: Login): Promise<void> {
  await db.query(`
    do $$
    declare
      v_role text;
    begin
      foreach v_role in array array['${HOST}', '${APP}'] loop
        begin
          execute format('create role %I', v_role);
        exception
          -- There already, or made by another file's test at this moment.
          when duplicate_object or unique_violation then null;
        end;
      end loop;
    end
    $$;
    delete from lethe.holds; delete from lethe.requests; delete from lethe.managed_tables;
    drop schema if exists c cascade;
    select lethe.set_controller('north', 'America/St_Johns', 'n'), lethe.set_controller('south', 'Pacific/Apia', 's');
    create schema c authorization ${HOST};
    set role ${HOST};
    ${TABLES}
    grant usage on schema c to ${APP};
    grant select, insert, update, delete on all tables in schema c to ${APP};
    reset role;
    select lethe.manage_table(t, controller_column => 'owner')
    from unnest(array['c.People', 'c.orders', 'c.lines', 'c.messages', 'c.notes']) as t;
    select lethe.set_subject_type('person', 'c.People', '{email}');
    select lethe.set_link('c.orders', subject => 'person', kind => 'own'), lethe.set_link('c.lines', subject => 'person', kind => 'own', on_purge => 'with parent');
    select lethe.set_link('c.messages', 'c.People', '{sender}', subject => 'person', kind => 'share'),
      lethe.set_link('c.messages', 'c.People', '{receiver}', subject => 'person', kind => 'share');
    select lethe.set_link('c.notes', subject => 'person', kind => 'mention');
    select lethe.set_column('c.People', 'email', 'contact', '{newsletter}', 'consent'), lethe.set_column('c.People', 'Nick', 'direct identifier', '{}', 'legitimate interest'),
      lethe.set_column('c.People', 'born', 'quasi-identifier'), lethe.set_column('c.People', 'seen', 'technical'),
      lethe.set_column('c.orders', 'address', 'contact', '{delivery}', 'Legitimate Interest, contract'), lethe.set_column('c.lines', 'label', 'content', '{}', 'legitimate interest'),
      lethe.set_column('c.messages', 'body', 'content');
    select lethe.set_rule('c.People', 'anonymize', 'P3Y', 'email', since => '{seen}', method => 'pseudonym_email', purpose => 'newsletter');
    select lethe.set_rule('c.orders', 'purge', 'P1Y', since => '{at}')`)
  await grantMissing(db)
}

/** An approved request for a person, by key. @returns its id. */
export async function approved(
  session: Session,
  kind: string,
  key: string,
  controller = 'north',
): Promise<number> {
  const [row] = await rowsOf<{ id: number }>(
    session,
    `with request as (
       insert into lethe.requests (controller_id, kind, subject, state, due_on, roots, approved_by, approved_at)
       select c.id, $1, 'person', 'approved', current_date + 30, 1, session_user, now() from lethe.controllers as c where c.name = $2
       returning id
     ), root as (
       insert into lethe_private.request_roots (request_id, n, table_id, key)
       select r.id, 1, s.table_id, $3 from request as r cross join lethe.subject_types as s where s.name = 'person'
     )
     select id from request`,
    [kind, controller, key],
  )
  return row!.id
}

/** Runs one of the subcommands of `lethe request` with `--json`. @returns the exit code and the objects it printed. */
export async function runRights(
  login: Login,
  ...args: string[]
): Promise<{ code: number; printed: Record<string, unknown>[] }> {
  const program = new Command('lethe').option('--json').option('--database <url>')
  registerRights(program.command('request'))
  const lines: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
  const before = process.exitCode
  try {
    await program.parseAsync(['--json', '--database', login.url, 'request', ...args], { from: 'user' })
    return { code: Number(process.exitCode), printed: lines.map((line) => JSON.parse(line)) }
  } finally {
    write.mockRestore()
    process.exitCode = before
  }
}
