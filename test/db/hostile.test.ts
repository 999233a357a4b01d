import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, serverVersion, type TestDatabase } from '../helpers/database.ts'
import { addCycleRunner, applyPolicy, grantMissing, rowsOf, runCycle } from '../helpers/engine.ts'

const PERSON = 'zelda.unmistakable@people.example'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await addCycleRunner(db)
  await db.query(
    `select lethe.set_controller('north', 'Europe/Paris'); select lethe.set_controller('south', 'America/Sao_Paulo');`,
  )
})
afterAll(() => db.drop())

let count = 0

/** A schema with a table of ten rows, all due, and the function `attack` that runs before each change of one. */
async function hostileTable(
  body: string,
  { when = 'before update or delete', purge = false, searchPath = false } = {},
): Promise<{ schema: string; tableId: number }> {
  const schema = `hostile_${++count}`
  await db.query(`
    create schema ${schema};
    create table ${schema}.loot (what text, outcome text);
    create table ${schema}.people (id int primary key, email text, note text, last_at timestamptz);
    insert into ${schema}.people select i, 'u' || i || '@x.org', 'note', '2020-01-01' from generate_series(1, 10) as i;
    create function ${schema}.attempt(what text, statement text) returns void language plpgsql as $$
    declare v_result text;
    begin
      if statement ~* '^\\s*select' then execute statement into v_result; else execute statement; end if;
      insert into ${schema}.loot values (what, 'done: ' || coalesce(v_result, ''));
    exception when others then
      insert into ${schema}.loot values (what, sqlstate);
    end $$;
    create function ${schema}.attack() returns trigger language plpgsql as $attack$ begin ${body} end $attack$;
    grant usage on schema ${schema} to lethe_sweeper;
    grant insert, select on ${schema}.loot to lethe_sweeper;
    select lethe.manage_table('${schema}.people', 'north', search_path => ${searchPath ? `'${schema}'` : 'null'});
    ${purge ? '' : `select lethe.set_rule('${schema}.people', 'anonymize', 'P1Y', 'email', '{last_at}', 'pseudonym_email');`}
    ${purge ? `select lethe.set_rule('${schema}.people', 'purge', 'P1Y', since => '{last_at}');` : ''}`)
  await db.query(
    `create trigger attack ${when} on ${schema}.people for each row execute function ${schema}.attack();`,
  )
  await grantMissing(db)
  const [row] = await db.query<{ id: number }>(`select id from lethe.managed_tables where schema_name = $1`, [
    schema,
  ])
  return { schema, tableId: row!.id }
}

/** Sweeps the one table, ends the cycle and takes the table out again. */
async function sweep(target: {
  schema: string
  tableId: number
}): Promise<{ state: string; failure: { sqlstate?: string } | null; done: number; left: number | null }> {
  const state = await runCycle(db, 'north')
  const [row] = await db.query<{ failure: { sqlstate?: string } | null; done: number; left: number | null }>(
    `
    select t.failure, coalesce(sum(e.done), 0)::int as done, sum(e.left_over)::int as left
    from lethe.cycle_tables as t left join lethe.evidence as e using (cycle_id, table_id)
    where t.table_id = $1 and t.cycle_id = (select max(id) from lethe.cycles) group by t.failure`,
    [target.tableId],
  )
  await db.query(`select lethe.unmanage_table('${target.schema}.people')`)
  return { state, ...row! }
}

describe('a trigger that a sweep fires', () => {
  it('runs as lethe_sweeper and gets at no key, no evidence, no policy and no other role', async () => {
    const attempts: [what: string, statement: string, refusedWith: string | RegExp][] = [
      ['read keys', 'select inner_pad from lethe_private.controller_keys', '42501'],
      ['read programs', 'select program from lethe_private.compiled', '42501'],
      ['read worklist', 'select tids from lethe_private.worklist', '42501'],
      ['read holds', 'select reason from lethe.holds', '42501'],
      ['release holds', `update lethe.holds set released_at = now()`, '42501'],
      ['write held keys', 'insert into lethe_private.held_keys values (1, 1, null)', '42501'],
      ['write through the view', `update lethe_private.held set ends_on = '2000-01-01'`, /^(42501|55000)$/],
      ['write evidence', 'update lethe.evidence set left_over = 0', '42501'],
      ['write batches', 'delete from lethe.evidence_batches', '42501'],
      ['close the cycle', `update lethe.cycles set state = 'complete', finished_at = now()`, '42501'],
      [
        'change policy',
        `select lethe.set_rule('${'shop'}.people', 'purge', 'P1D', since => '{last_at}')`,
        '42501',
      ],
      ['make a controller', `select lethe.set_controller('evil', 'UTC')`, '42501'],
      ['run cycles', `select lethe.start_cycle('north')`, '42501'],
      ['make keys', 'select lethe_private.new_key(1)', '42501'],
      ['become owner', 'set role lethe_owner', '42501'],
      ['become caller', 'reset role', '42501'],
      ['become postgres', `set session authorization postgres`, '42501'],
      ['become superuser', 'alter role lethe_sweeper superuser', '42501'],
      ['join', 'grant lethe_owner to lethe_sweeper', '42501'],
      ['make a schema', 'create schema evil', '42501'],
      [
        'make a function',
        'create function lethe_private.evil() returns int language sql as $x$ select 1 $x$',
        '42501',
      ],
      ['make a table', 'create table lethe.evil ()', '42501'],
      [
        'replace a mask',
        'create or replace function lethe.is_pseudonym_email(value text) returns boolean language sql immutable as $x$ select true $x$',
        '42501',
      ],
      [
        'replace the way in',
        `create or replace function lethe_private.as_sweeper(statement text, tids tid[], inner_pad bytea, outer_pad bytea, host_search_path text)
        returns table (facts jsonb, target oid, found_tids tid[]) language sql as $x$ select null::jsonb, null::oid, null::tid[] $x$`,
        '42501',
      ],
      [
        'call the way in',
        `select lethe_private.as_sweeper('select null::jsonb, null::oid, null::tid[]', null, null, null, 'pg_catalog')`,
        /^(42501|done: .*)$/,
      ],
      ['turn triggers off', `set session_replication_role = replica`, '42501'],
      ['read files', `select pg_read_file('postgresql.conf')`, '42501'],
    ]
    const body = `
      if (select count(*) from ${'%S'}.loot) = 0 then
        insert into %S.loot values ('who', current_user), ('query', current_query()),
          ('activity', (select string_agg(query, ' ') from pg_stat_activity));
        ${attempts.map(([what, statement]) => `perform %S.attempt($a$${what}$a$, $a$${statement}$a$);`).join('\n')}
      end if;
      return new;`.replaceAll('%S', `hostile_${count + 1}`)
    const target = await hostileTable(body)
    expect(await sweep(target)).toMatchObject({ state: 'complete', done: 10, left: 0 })

    const loot = Object.fromEntries(
      (
        await db.query<{ what: string; outcome: string }>(`select what, outcome from ${target.schema}.loot`)
      ).map((row) => [row.what, row.outcome]),
    )
    expect(loot.who).toBe('lethe_sweeper')
    for (const [what, , refusedWith] of attempts) expect(loot[what], what).toMatch(refusedWith)
    const keys = await db.query<{ key: string }>(`
      select encode(p, 'hex') as key from lethe_private.controller_keys, unnest(array[inner_pad, outer_pad]) as p`)
    expect(keys.length).toBeGreaterThan(3)
    for (const { key } of keys) {
      expect(loot.query).not.toContain(key.slice(0, 16))
      expect(loot.activity).not.toContain(key.slice(0, 16))
    }
    expect(await db.query(`select from lethe.controllers where name = 'evil'`)).toEqual([])
  })

  // The sweeper owns the function, so it may alter it; what it cannot do is to have it trusted afterwards.
  const AS_SWEEPER = 'lethe_private.as_sweeper(text, tid[], bytea, bytea, text)'
  it.each([
    ['lets it run as its caller', `alter function ${AS_SWEEPER} security invoker`],
    ['changes its settings', `alter function ${AS_SWEEPER} set search_path = evil`],
    ['takes its settings away', `alter function ${AS_SWEEPER} reset row_security`],
    ['hands it to everybody', `grant execute on function ${AS_SWEEPER} to public`],
    ['makes it say nothing', `alter function ${AS_SWEEPER} strict`],
    ['makes it repeat itself', `alter function ${AS_SWEEPER} immutable`],
    ['drops it', `drop function ${AS_SWEEPER}`],
  ])('is found out when it alters the way in: %s (LE505)', async (_, statement) => {
    const target = await hostileTable(
      `perform hostile_${count + 1}.attempt('x', $a$${statement}$a$); return new;`,
    )
    const client = await db.connect()
    await client.query('begin')
    try {
      await client.query('update lethe.settings set batch_rows = 5')
      const result = await rowsOf<{ state: string; failure: { sqlstate: string } }>(
        client,
        `
        select test_support.run('north') as state, null as failure`,
      )
      expect(result[0]!.state).toBe('incomplete')
      const [table] = await rowsOf(client, 'select failure from lethe.cycle_tables where table_id = $1', [
        target.tableId,
      ])
      expect(table).toEqual({ failure: { sqlstate: 'LE505' } })
    } finally {
      await client.query('rollback')
      await client.end()
      await db.query(`select lethe.unmanage_table('${target.schema}.people')`)
    }
    const fresh = await hostileTable('return new;')
    expect(await sweep(fresh)).toMatchObject({ state: 'complete', done: 10 })
  })

  it.each([
    ['search_path', `set_config('search_path', 'evil, pg_catalog', false)`],
    [
      'search_path, to what it is already',
      `set_config('search_path', current_setting('search_path'), false)`,
    ],
    ['row_security', `set_config('row_security', 'on', false)`],
  ])('cannot leave a setting behind for code with more rights: %s (LE504)', async (_, statement) => {
    const target = await hostileTable(`perform ${statement}; return new;`, { searchPath: true })
    const client = await db.connect()
    const [before] = await rowsOf(
      client,
      `select current_setting('search_path') as path, current_setting('row_security') as security`,
    )
    const result = await sweep(target)
    expect(result).toMatchObject({ state: 'incomplete', failure: { sqlstate: 'LE504' }, left: 10 })
    expect(
      await rowsOf(
        client,
        `select current_setting('search_path') as path, current_setting('row_security') as security`,
      ),
    ).toEqual([before])
    await client.end()
  })

  it("cannot capture the engine's own calls by functions of the host's schema", async () => {
    const schema = `hostile_${count + 1}`
    const target = await hostileTable(
      `perform set_config('search_path', current_setting('search_path'), false); return new;`,
      { searchPath: true },
    )
    await db.query(`
      create function ${schema}.jsonb_strip_nulls(jsonb) returns jsonb language plpgsql as $$ begin
        insert into ${schema}.loot select 'captured', current_user; return $1; end $$;
      create function ${schema}.jsonb_build_object(text, jsonb, text, jsonb, text, jsonb) returns jsonb language plpgsql as $$ begin
        insert into ${schema}.loot select 'captured', current_user; return '{}'; end $$;
      grant all on schema ${schema} to public; grant all on ${schema}.loot to public;`)
    await sweep(target)
    expect(await db.query(`select * from ${schema}.loot`)).toEqual([])
  })

  it.each(['update', 'delete'])(
    'raises an error that names a person, which then stands nowhere in Lethe (%s)',
    async (event) => {
      const target = await hostileTable(
        `
      if old.id <= 3 then
        raise exception using message = '${PERSON}', detail = '${PERSON}', hint = '${PERSON}', errcode = '${event === 'update' ? 'P0001' : '23514'}',
          table = 'people', constraint = 'people_check';
      end if;
      if tg_op = 'DELETE' then return old; end if;
      return new;`,
        { purge: event === 'delete' },
      )
      const client = await db.connect()
      const heard: string[] = []
      client.on('notice', (notice) => heard.push(JSON.stringify(notice)))
      await client.query(`set client_min_messages = debug1`)
      expect(await runCycle(client, 'north')).toBe('incomplete')
      const [cycle] = await rowsOf<{ id: number }>(client, 'select max(id) as id from lethe.cycles')
      expect(
        await rowsOf(
          client,
          'select done, skipped, left_over, skipped_why from lethe.evidence where cycle_id = $1 and table_id = $2',
          [cycle!.id, target.tableId],
        ),
      ).toEqual([
        {
          done: 7,
          skipped: 3,
          left_over: 3,
          skipped_why: { [event === 'update' ? 'P0001 people_check' : '23514 people_check']: 3 },
        },
      ])
      expect(heard.join('\n')).not.toContain(PERSON)
      for (const { name } of await db.query<{ name: string }>(`
      select format('%I.%I', n.nspname, c.relname) as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname in ('lethe', 'lethe_private') and c.relkind in ('r', 'v')`)) {
        const [found] = await db.query<{ n: number }>(
          `select count(*)::int as n from ${name} as t where t::text ~ 'zelda'`,
        )
        expect({ name, n: found!.n }).toEqual({ name, n: 0 })
      }
      await db.query(`select lethe.unmanage_table('${target.schema}.people')`)
    },
  )

  it('vetoes: what it keeps is left over, and the cycle incomplete', async () => {
    const target = await hostileTable(`if old.id <= 4 then return null; end if; return new;`)
    expect(await sweep(target)).toMatchObject({ state: 'incomplete', done: 6, left: 4 })
  })

  it('vetoes a delete: the row is left over, and the cycle incomplete', async () => {
    const target = await hostileTable(`if old.id <= 4 then return null; end if; return old;`, { purge: true })
    expect(await sweep(target)).toMatchObject({ state: 'incomplete', done: 6, left: 4 })
  })

  it('swallows the change: nothing is said to be done, and the cycle ends, incomplete', async () => {
    const target = await hostileTable(`if old.id <= 4 then new := old; end if; return new;`)
    expect(await sweep(target)).toMatchObject({ state: 'incomplete', done: 6, left: 4 })
  })

  it('writes the value back after the change: the cycle ends, incomplete', async () => {
    const target = await hostileTable(
      `if pg_trigger_depth() = 1 and old.id <= 4 then update hostile_${count + 1}.people set email = old.email where id = old.id; end if; return null;`,
      { when: 'after update' },
    )
    expect(await sweep(target)).toMatchObject({ state: 'incomplete', left: 4 })
  })

  it('puts deleted rows back: the cycle ends, incomplete', async () => {
    const target = await hostileTable(
      `insert into hostile_${count + 1}.people values (old.*); return null;`,
      { when: 'after delete', purge: true },
    )
    await db.query(`grant insert on ${target.schema}.people to lethe_sweeper`)
    expect(await sweep(target)).toMatchObject({ state: 'incomplete', left: 10 })
  })

  it('makes other rows due by turning their clocks back: they are taken too, and the cycle ends', async () => {
    const target = await hostileTable(
      `update hostile_${count + 1}.people set last_at = '2020-01-01' where id > 5 and last_at > '2021-01-01'; return null;`,
      { when: 'after update' },
    )
    await db.query(
      `update ${target.schema}.people set last_at = now() where id > 5; grant update on ${target.schema}.people to lethe_sweeper`,
    )
    expect(await sweep(target)).toMatchObject({ state: 'complete', done: 10, left: 0 })
  })

  it('that is deferred runs within the step, as lethe_sweeper', async () => {
    const target = await hostileTable('return new;')
    await db.query(`
      create function ${target.schema}.late() returns trigger language plpgsql as $$ begin
        insert into ${target.schema}.loot values ('late', current_user); return null; end $$;
      create constraint trigger late after update on ${target.schema}.people deferrable initially deferred
        for each row execute function ${target.schema}.late()`)
    expect(await sweep(target)).toMatchObject({ state: 'complete', done: 10 })
    expect(await db.query(`select distinct outcome from ${target.schema}.loot`)).toEqual([
      { outcome: 'lethe_sweeper' },
    ])
  })
})

describe("row security on a host's table", () => {
  it('is an error and never "0 left"; with the right that is asked for, the cycle is complete', async () => {
    const target = await hostileTable('return new;')
    await db.query(`
      alter table ${target.schema}.people enable row level security;
      create policy partly on ${target.schema}.people using (id > 5)`)
    await expect(refusal(db.query(`select * from lethe.plan(null, 'north')`))).resolves.toMatchObject({
      code: expect.stringMatching(/^LE50[13]$/),
    })
    const missing = await db.query<{ remedy: string }>('select remedy from lethe.missing_rights()')
    expect(missing).toEqual([{ remedy: 'alter role lethe_sweeper bypassrls' }])

    const client = await db.connect()
    await client.query('begin')
    await client.query(missing[0]!.remedy)
    expect(await runCycle(client, 'north')).toBe('complete')
    expect(
      await rowsOf(client, `select count(*) from ${target.schema}.people where email ~ 'invalid'`),
    ).toEqual([{ count: 10 }])
    await client.query('rollback')
    expect(await sweep(target)).toMatchObject({
      state: 'incomplete',
      done: 0,
      left: null,
      failure: { sqlstate: '42501' },
    })
    expect(await db.query(`select count(*) from ${target.schema}.people where email ~ 'invalid'`)).toEqual([
      { count: 0 },
    ])
  })
})

describe('roles', () => {
  const ROLES = [
    'lethe_officer',
    'lethe_agent',
    'lethe_analyst',
    'lethe_auditor',
    'lethe_subject',
    'lethe_anonymous',
    'lethe_worker',
    'lethe_sweeper',
    null,
  ] as const
  const logins = new Map<string | null, Login>()
  let operator: Login

  beforeAll(async () => {
    for (const role of ROLES) logins.set(role, await db.asRole(...(role ? [role] : [])))
    operator = await db.asRole('lethe_owner')
    await db.query(`create schema roles; create table roles.t (id int primary key, v text, at date)`)
    await applyPolicy(db, {
      version: 1,
      controllers: { north: { time_zone: 'Europe/Paris' }, south: { time_zone: 'America/Sao_Paulo' } },
      tables: {
        'roles.t': {
          controller: { constant: 'north' },
          since: 'at',
          columns: { v: { purge: { after: 'P1Y' } } },
        },
      },
    })
  })

  const PRIVATE = ['controller_keys', 'held_keys', 'compiled', 'worklist']
  it.each(PRIVATE)('no role but the owner reads or writes lethe_private.%s', async (table) => {
    for (const [role, login] of logins) {
      for (const statement of [
        `select * from lethe_private.${table}`,
        `delete from lethe_private.${table}`,
      ]) {
        expect({ role, code: (await refusal(login.query(statement))).code }).toEqual({ role, code: '42501' })
      }
    }
    await operator.query(`select * from lethe_private.${table}`)
  })

  // What each statement takes. An operator is a member of lethe_owner.
  const MAY: [statement: string, roles: (string | null)[]][] = [
    [`select * from lethe.evidence`, ['lethe_officer', 'lethe_auditor']],
    [`select * from lethe.policy_changes`, ['lethe_officer', 'lethe_auditor']],
    [`select * from lethe.holds`, ['lethe_officer', 'lethe_auditor']],
    [`select * from lethe.plan(null, 'north')`, ['lethe_officer', 'lethe_auditor', 'lethe_worker']],
    [`select * from lethe.preview('roles.t')`, ['lethe_officer', 'lethe_auditor', 'lethe_worker']],
    [`select * from lethe.missing_rights()`, ['lethe_officer', 'lethe_auditor', 'lethe_worker']],
    [`select lethe.export_policy()`, []],
    [`select * from lethe.controllers_due()`, ['lethe_worker']],
    [`select lethe.start_cycle('south')`, ['lethe_worker']],
    [`select lethe.finish_cycle(max(id)) from lethe.cycles`, []],
    [`select lethe.set_controller('third', 'UTC')`, []],
    [`select lethe.set_rule('roles.t', 'purge', 'P2Y', 'v', '{at}')`, []],
    [`select lethe.apply_policy('{"version": 1}')`, []],
    [`select lethe.unmanage_table('roles.t')`, []],
    [`select lethe.add_member('postgres', 'north')`, []],
    [`insert into lethe.holds (reason) values ('x')`, []],
    [`update lethe.settings set batch_rows = 1`, []],
    [`update lethe.evidence set left_over = 0`, []],
    [`delete from lethe.policy_changes`, []],
    [`insert into lethe.methods select * from lethe.methods`, []],
    [`create table lethe.mine ()`, []],
    [
      `select lethe_private.as_sweeper('select null::jsonb, null::oid, null::tid[]', null, null, null, 'pg_catalog')`,
      ['lethe_sweeper'],
    ],
  ]
  it.each(MAY)('%s is for %j', async (statement, roles) => {
    for (const [role, login] of logins) {
      const client = await login.connect()
      await client.query('begin')
      const outcome = await client.query(statement).then(
        () => 'done',
        (error: { code: string }) => error.code,
      )
      await client.query('rollback')
      await client.end()
      expect({ role, statement, outcome }).toEqual({
        role,
        statement,
        outcome: roles.includes(role) ? 'done' : expect.stringMatching(/^(42501|LE502)$/),
      })
    }
  })

  it('a role without rights reads a sentence when it runs a cycle (LE502), which a worker and an operator may', async () => {
    for (const [role, login] of logins) {
      if (role === 'lethe_worker') continue
      await expect(refusal(login.query('call lethe.run_cycle()'))).resolves.toMatchObject({
        code: 'LE502',
        message: expect.stringMatching(/may not run cycles/),
      })
    }
    await logins.get('lethe_worker')!.query(`call lethe.run_cycle('north')`)
    await operator.query(`call lethe.run_cycle('south')`)
  })

  it('an officer of one controller sees nothing of the other and changes none but its own overrides', async () => {
    const officer = await db.asRole('lethe_officer')
    const login = new URL(officer.url).username
    await db.query(`select lethe.add_member('${login}', 'north')`)
    expect(await officer.query('select name from lethe.controllers')).toEqual([{ name: 'north' }])
    expect(await officer.query(`select distinct c.controller_id from lethe.cycles as c`)).toEqual(
      await db.query(`select id as controller_id from lethe.controllers where name = 'north'`),
    )
    await officer.query(
      `select lethe.set_rule('roles.t', 'purge', 'P2Y', 'v', '{at}', controller => 'north')`,
    )
    await expect(
      refusal(
        officer.query(`select lethe.set_rule('roles.t', 'purge', 'P2Y', 'v', '{at}', controller => 'south')`),
      ),
    ).resolves.toMatchObject({ code: 'LE502' })
    await expect(
      refusal(officer.query(`select lethe.set_rule('roles.t', 'purge', 'P2Y', 'v', '{at}')`)),
    ).resolves.toMatchObject({ code: 'LE502' })
    await expect(
      refusal(officer.query(`select lethe.drop_rule('roles.t', 'purge', 'v')`)),
    ).resolves.toMatchObject({ code: 'LE502' })
    expect(await officer.query(`select distinct controller from lethe.plan()`)).toEqual([
      { controller: 'north' },
    ])
    await db.query(`select lethe.drop_rule('roles.t', 'purge', 'v', controller => 'north')`)
  })

  it('no function of Lethe can be called by everybody, one procedure apart', async () => {
    const rows = await db.query<{ name: string }>(`
      select p.proname as name from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
      where p.pronamespace::regnamespace::text in ('lethe_private') and a.grantee = 0 order by 1`)
    expect(rows).toEqual([])
    expect(serverVersion()).toBeGreaterThanOrEqual(15)
  })
})
