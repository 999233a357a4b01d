import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'copying-trigger',
  object: 'desk.journal',
  says: /trigger remember on desk.people writes into desk.journal, which is not managed/,
  violation: `
    create table desk.journal (id bigint generated always as identity primary key, was jsonb);
    create table desk.tally (n int);
    create function desk.remember() returns trigger language plpgsql as $$
    begin
      update desk.tally set n = n + 1;
      insert into journal (was) values (to_jsonb(old));
      return null;
    end $$;
    create trigger remember after update on desk.people for each row execute function desk.remember()`,
  repair: 'drop trigger remember on desk.people',
})

it('sees a rewrite rule that copies', async () => {
  await db().query(
    'create rule copy as on insert to desk.people do also insert into desk.journal (was) values (to_jsonb(new.email))',
  )
  expect((await findings(db(), 'copying-trigger')).map(({ sentence }) => sentence)).toEqual([
    'rule copy on desk.people writes into desk.journal, which is not managed: what is forgotten in the one stays in the other',
  ])
  await db().query(`select lethe.manage_table('desk.journal', controller => 'north')`)
  expect(await findings(db(), 'copying-trigger')).toEqual([])
})

const writers = async (): Promise<string[]> =>
  (await findings(db(), 'copying-trigger')).map(({ sentence }) => sentence.replace(/, which .*/, ''))

it('follows the calls of a trigger function, the views that it writes through, and the tables that it is handed', async () => {
  await db().query(`
    create schema audit;
    create table audit.log (was text);
    create table audit.history (was jsonb);
    create table audit.read_only (was text);
    create table desk.far (was text);
    create view desk.far_view as select was from desk.far;
    create function audit.write(text) returns void language sql begin atomic insert into audit.log select $1; end;
    create function audit.pass(kind text, was text) returns void language plpgsql as $$
    begin
      perform audit.write(was);
      if kind = 'again' then perform audit.pass('', (select r.was from audit.read_only as r)); end if;
    end $$;
    create function desk.deep() returns trigger language plpgsql as $$ begin perform "audit" . pass('again', old.email); return null; end $$;
    create function desk.by_view() returns trigger language plpgsql as $$ begin insert into far_view values (old.email); return null; end $$;
    create function desk.handed() returns trigger language plpgsql as $$
    begin execute format('insert into %s select to_jsonb($1)', tg_argv[0]) using old; return null; end $$;
    create function desk.unused() returns void language sql as $$ insert into audit.read_only values ('x') $$;
    create trigger deep after update on desk.people for each row execute function desk.deep();
    create trigger by_view after update on desk.people for each row execute function desk.by_view();
    create trigger handed after update on desk.people for each row execute function desk.handed('audit.history', 'not a name');
    create rule called as on insert to desk.orders do also select audit.write(new.note)`)
  expect(await writers()).toEqual([
    'trigger handed on desk.people writes into audit.history',
    'rule called on desk.orders writes into audit.log',
    'trigger deep on desk.people writes into audit.log',
    'trigger by_view on desk.people writes into desk.far',
  ])
  await db().query(`
    drop rule called on desk.orders;
    drop trigger deep on desk.people;
    drop trigger by_view on desk.people;
    drop trigger handed on desk.people`)
  expect(await writers()).toEqual([])
})

it('does not see what is put together at run time, as its page says', async () => {
  await db().query(`
    create function desk.hidden() returns trigger language plpgsql as $$
    begin execute 'insert into audit.' || 'log values ($1)' using old.email; return null; end $$;
    create trigger hidden after update on desk.people for each row execute function desk.hidden()`)
  expect(await writers()).toEqual([])
})
