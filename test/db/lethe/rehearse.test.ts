/** Rehearsals: what the catalogue cannot tell is found on real rows, and nothing of it stays. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../../helpers/database.ts'
import { activate, draft, type Rehearsed, rehearse } from '../../helpers/drafts.ts'
import { addCycleRunner, runCycle } from '../../helpers/engine.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query('grant usage on schema public to lethe_sweeper')
})
afterAll(() => db.drop())

const CONTROLLERS = {
  north: { time_zone: 'America/St_Johns', reference: '1' },
  south: { time_zone: 'Pacific/Apia', reference: '2' },
}
type Tables = Record<string, Record<string, unknown>>
const policy = (tables: Tables): unknown => ({
  version: 1,
  controllers: CONTROLLERS,
  tables: Object.fromEntries(
    Object.entries(tables).map(([name, table]) => [name, { controller: { column: 'owner' }, ...table }]),
  ),
})
const purge = { after: 'P5Y', since: 'at' }
const gone = (column: string) => ({ [column]: { purge: { after: 'P1Y', since: 'at' } } })
const masked = (column: string, using: unknown = 'pseudonym') => ({
  [column]: { anonymize: { after: 'P1Y', since: 'at', using } },
})

/** A schema with `people`, old ones and new ones, and all rights on it. */
const people = (schema: string, more = ''): Promise<unknown> =>
  db.query(`
    create schema ${schema};
    create table ${schema}.people (id int primary key, owner int not null default 1, name text, at date);
    insert into ${schema}.people select i, 1 + i % 2, 'Name ' || i, date '2015-01-01' + i from generate_series(1, 20) as i;
    ${more};
    grant usage on schema ${schema} to lethe_sweeper;
    grant select, update, delete on all tables in schema ${schema} to lethe_sweeper`)

/** It is refused as it stands; after the repair it is rehearsed, and a cycle of both controllers does it. */
async function refusedUntil(tables: Tables, repair: string, finding: unknown): Promise<Rehearsed> {
  const id = await draft(db, policy(tables))
  const refused = await rehearse(db, id)
  expect(refused).toMatchObject({ state: 'refused' })
  expect(refused.findings).toEqual(expect.arrayContaining([expect.objectContaining(finding)]))
  expect(await refusal(activate(db, id))).toMatchObject({ code: 'LE611' })
  await db.query(repair)
  const repaired = await rehearse(db, id)
  expect(repaired.findings).toEqual([])
  await activate(
    db,
    id,
    repaired.effects.map(({ object }) => object as string),
  )
  for (const controller of ['north', 'south']) expect(await runCycle(db, controller)).toBe('complete')
  return refused
}

describe('a rehearsal refuses', () => {
  it('a CHECK that the new value breaks, by its name, until it lets the value pass', async () => {
    await people('chk', `alter table chk.people add constraint name_is_long check (length(name) < 10)`)
    const refused = await refusedUntil(
      { 'chk.people': { columns: masked('name') } },
      'alter table chk.people drop constraint name_is_long, add constraint name_is_long check (length(name) < 100)',
      {
        rule: 'name: anonymize',
        problem: 'refused',
        sqlstate: '23514',
        constraint: 'name_is_long',
        relation: 'people',
      },
    )
    expect(JSON.stringify(refused)).not.toMatch(/Name \d/)
  })

  it('the one rule of several that the database refuses, and not the others', async () => {
    await people(
      'few',
      `alter table few.people add town text default 'Paris', add street text default 'Rue', add constraint town_is_there check (town is not null)`,
    )
    await refusedUntil(
      { 'few.people': { columns: { ...gone('name'), ...gone('town'), ...gone('street') } } },
      'alter table few.people drop constraint town_is_there',
      { rule: 'town: purge', constraint: 'town_is_there' },
    ).then(({ findings }) =>
      expect(new Set(findings.map(({ rule }) => rule))).toEqual(new Set(['town: purge'])),
    )
  })

  it.each(['UPDATE', 'DELETE'])('a trigger that vetoes an %s loudly, until it is dropped', async (event) => {
    const schema = `loud_${event.toLowerCase()}`
    await people(
      schema,
      `create function ${schema}.veto() returns trigger language plpgsql as $$ begin raise 'not %', old.name; end $$;
       create trigger veto before ${event} on ${schema}.people for each row execute function ${schema}.veto()`,
    )
    const refused = await refusedUntil(
      { [`${schema}.people`]: event === 'UPDATE' ? { columns: gone('name') } : { purge } },
      `drop trigger veto on ${schema}.people`,
      { problem: 'refused', sqlstate: 'P0001' },
    )
    // The trigger's own words name a person.
    expect(JSON.stringify(refused)).not.toMatch(/Name \d/)
  })

  it.each(['UPDATE', 'DELETE'])(
    'a trigger that vetoes an %s silently, until it is dropped',
    async (event) => {
      const schema = `mute_${event.toLowerCase()}`
      await people(
        schema,
        `create function ${schema}.veto() returns trigger language plpgsql as $$ begin return null; end $$;
       create trigger veto before ${event} on ${schema}.people for each row execute function ${schema}.veto()`,
      )
      await refusedUntil(
        { [`${schema}.people`]: event === 'UPDATE' ? { columns: gone('name') } : { purge } },
        `drop trigger veto on ${schema}.people`,
        { problem: 'not done', rows: 10 },
      )
    },
  )

  it('a trigger that keeps the row and only marks it deleted', async () => {
    await people(
      'soft',
      `alter table soft.people add deleted boolean not null default false;
       create function soft.mark() returns trigger language plpgsql as $$ begin update soft.people set deleted = true where id = old.id; return null; end $$;
       create trigger mark before delete on soft.people for each row execute function soft.mark()`,
    )
    await refusedUntil({ 'soft.people': { purge } }, 'drop trigger mark on soft.people', {
      rule: 'purge',
      problem: 'not done',
    })
  })

  it('a trigger that writes the old value back', async () => {
    await people(
      'back',
      `create function back.keep() returns trigger language plpgsql as $$ begin new.name := old.name; return new; end $$;
       create trigger keep before update on back.people for each row execute function back.keep()`,
    )
    await refusedUntil({ 'back.people': { columns: masked('name') } }, 'drop trigger keep on back.people', {
      problem: 'not done',
    })
  })

  it('a trigger that restarts the clock where its text does not show it', async () => {
    await people(
      'young',
      `create function young.now_of(x young.people) returns young.people language sql as $$ select x.id, x.owner, x.name, current_date $$;
       create function young.touch() returns trigger language plpgsql as $$ begin return young.now_of(new); end $$;
       create trigger touch before update on young.people for each row execute function young.touch()`,
    )
    await refusedUntil(
      { 'young.people': { search_path: 'young, pg_temp', columns: masked('name') } },
      `drop trigger touch on young.people;
       create trigger touch before update on young.people for each row when (current_user <> 'lethe_sweeper') execute function young.touch()`,
      { rule: 'name: anonymize', problem: 'clock moved', rows: 10 },
    )
  })

  it('a deferred constraint, which would have waited for COMMIT', async () => {
    await people(
      'later',
      `create table later.badges (id int primary key, person int not null, name text, at date, owner int not null default 1);
       alter table later.people add unique (id, name);
       alter table later.badges add foreign key (person) references later.people (id) deferrable initially deferred;
       create index on later.badges (person);
       insert into later.badges select i, i, 'b', '2015-01-01', 1 + i % 2 from generate_series(1, 20) as i;
       create function later.has_name() returns trigger language plpgsql as $$
       begin
         if new.name is null then raise exception using errcode = 'check_violation', constraint = 'badge_has_name', message = 'no'; end if;
         return null;
       end $$;
       create constraint trigger has_name after update on later.badges deferrable initially deferred for each row execute function later.has_name()`,
    )
    await refusedUntil(
      { 'later.badges': { columns: gone('name') } },
      'drop trigger has_name on later.badges',
      { rule: 'name: purge', sqlstate: '23514', constraint: 'badge_has_name' },
    )
  })

  it('a value that would stand twice under an exclusion constraint', async () => {
    await people(
      'excl',
      `alter table excl.people add code text, add exclude using btree (lower(left(code, 2)) with =);
      update excl.people set code = chr(96 + id) || 'x'`,
    )
    await refusedUntil(
      { 'excl.people': { columns: masked('code') } },
      `alter table excl.people drop constraint people_lower_excl`,
      { sqlstate: '23P01' },
    )
  })

  it('a rewrite rule that swallows the change: by the catalogue alone (LE311)', async () => {
    await people('ruled', `create rule quiet as on delete to ruled.people do instead nothing`)
    const id = await draft(db, policy({ 'ruled.people': { purge } }))
    expect(await refusal(db.query('select lethe.rehearse($1)', [id]))).toMatchObject({ code: 'LE311' })
    await db.query('drop rule quiet on ruled.people')
    expect(await rehearse(db, id)).toMatchObject({ state: 'rehearsed', findings: [] })
  })
})
