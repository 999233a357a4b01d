/** Drafts from proposal to activation: no trace, side effects by name, blast radius, the second person. */
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../helpers/database.ts'
import { activate, draft, type LoosePolicy, propose, type Rehearsed, rehearse } from '../../helpers/drafts.ts'
import { applyPolicy, fingerprint, rowsOf } from '../../helpers/engine.ts'
import { loadShop, SHOP_POLICY, SHOP_SQL, shopRows } from '../../helpers/shop.ts'

let db: TestDatabase
let second: Login

beforeAll(async () => {
  db = await createDatabase()
  second = await db.asRole('lethe_owner')
  await db.query(SHOP_SQL)
  const today = new Date().toISOString().slice(0, 10)
  const client = await db.connect()
  await applyPolicy(client, SHOP_POLICY)
  await loadShop(client, shopRows(7, 300, today))
  await client.end()
})
afterAll(() => db.drop())

/** A session whose transaction is rolled back, whatever happens in it. */
async function inTransaction(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = await db.connect()
  await client.query('begin')
  try {
    await work(client)
  } finally {
    await client.query('rollback')
    await client.end()
  }
}

type Policy = typeof SHOP_POLICY
const changed = (change: (policy: LoosePolicy) => void): Policy => {
  const policy = structuredClone(SHOP_POLICY)
  change(policy)
  return policy
}
/** The shop's policy with another delay for phones. */
const phonesAfter = (after: string): Policy =>
  changed((policy) => {
    policy.tables['shop.customers'].columns.phone.archive[0].after = after
  })

/**
 * All that a database holds, tables of Lethe and of the host, the list of drafts apart. Not pg_class, in which
 * an autovacuum that comes by writes its own figures; of pg_shdepend, which all databases share, this one's rows.
 */
async function everything(session: { query(text: string): Promise<unknown> }): Promise<string> {
  const tables = await rowsOf<{ name: string }>(
    session,
    `select c.oid::regclass::text as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname not in ('information_schema', 'pg_toast', 'lethe_jobs') and c.relpersistence = 'p'
       and (n.nspname <> 'pg_catalog' or c.relname in ('pg_attribute', 'pg_proc', 'pg_depend', 'pg_policy', 'pg_rewrite', 'pg_constraint', 'pg_trigger', 'pg_type'))
       and c.oid <> 'lethe.drafts'::regclass
     order by 1`,
  )
  const shared = await rowsOf(
    session,
    `select d.* from pg_shdepend as d join pg_database as b on b.oid = d.dbid
     where b.datname = current_database() order by d::text`,
  )
  return `${await fingerprint(session, ...tables.map(({ name }) => name))},${JSON.stringify(shared)}`
}

describe('a rehearsal', () => {
  it.each(['by itself', 'within a transaction of its caller'])(
    'leaves no trace but in sequences: %s',
    async (how) => {
      const policy = changed((one) => {
        one.tables['shop.customers'].purge[0].after = 'P2Y'
        one.tables['shop.customers'].columns.email.anonymize[1].after = 'P6M'
        one.tables['shop.orders'].archive[0].after = 'P1Y'
        one.tables['shop.gifts'].purge[0].after = 'P1Y'
        delete one.tables['shop.teams']
      })
      const client = await db.connect()
      try {
        if (how !== 'by itself') await client.query('begin')
        const id = await draft(client, policy)
        const before = await everything(client)
        const rehearsed = await rehearse(client, id)
        expect(rehearsed).toMatchObject({ state: 'rehearsed', findings: [] })
        // It did do something.
        expect(rehearsed.tried.filter(({ rows }) => rows > 0).length).toBeGreaterThan(10)
        expect(await everything(client)).toBe(before)
      } finally {
        // Also of a session that is in a transaction: what fails here must not stop what follows.
        await client.end()
      }
    },
  )

  it('tries every rule of what has changed on at most a thousand rows, due ones or those that will be', () =>
    inTransaction(async (client) => {
      await client.query(`
        create table shop.events (id int primary key, owner int not null, at date, name text, note text);
        insert into shop.events select i, 1 + i % 2, current_date - i % 100, 'n', case when i = 777 then 'rare' end from generate_series(1, 5000) as i;
        grant select, update, delete on shop.events to lethe_sweeper`)
      const purge = (after: string) => ({ purge: { after, since: 'at' } })
      const { tried, state } = await propose(
        client,
        changed((one) => {
          one.tables['shop.events'] = {
            controller: { column: 'owner' },
            columns: { name: purge('P1Y'), note: purge('P2Y') },
            ...purge('P9Y'),
          }
        }),
      )
      expect(state).toBe('rehearsed')
      expect(
        tried.reduce((sum, { rule, rows }) => sum + (rule === 'name: purge' ? rows : 0), 0),
      ).toBeGreaterThan(800)
      expect(
        tried.reduce((sum, { rule, rows }) => sum + (rule === 'purge' ? rows : 0), 0),
      ).toBeLessThanOrEqual(1000)
      expect(tried.filter(({ rows }) => rows > 0).map(({ rule }) => rule)).toEqual(
        expect.arrayContaining(['name: purge', 'note: purge', 'purge']),
      )
      const rare = tried.filter(({ rule, rows }) => rule === 'note: purge' && rows > 0)
      expect(rare).toMatchObject([{ rows: 1, controller: 'south' }])
      // Not due yet: tried as on the day on which it will be.
      expect(rare[0]!.as_of! > new Date().toISOString()).toBe(true)
    }))

  it('does not wait for a lock longer than the settings say, and can be repeated', async () => {
    const id = await draft(db, phonesAfter('P1Y'))
    const holder = await db.connect()
    await db.query(`update lethe.settings set lock_timeout = '100ms'`)
    await holder.query('begin; lock table shop.customers in access exclusive mode')
    expect((await refusal(db.query('select lethe.rehearse($1)', [id]))).code).toBe('55P03')
    await holder.query('rollback')
    await holder.query('begin; select from shop.customers for update')
    expect(await rehearse(db, id)).toMatchObject({
      state: 'refused',
      findings: expect.arrayContaining([expect.objectContaining({ problem: 'refused', sqlstate: '55P03' })]),
    })
    await holder.query('rollback')
    await holder.end()
    await db.query(`update lethe.settings set lock_timeout = default`)
    expect(await rehearse(db, id)).toMatchObject({ state: 'rehearsed' })
  })

  it('lets a cycle under way go on under the policy in force', async () => {
    await db.query(`
      update lethe.settings set lock_timeout = '60s';
      create function shop.wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(42); return new; end $$;
      create trigger wait before update of phone on shop.customers for each row execute function shop.wait()`)
    const [{ cycle }] = (await db.query(`select lethe.start_cycle('north') as cycle`)) as [{ cycle: number }]
    const [{ tickets }] = (await db.query(
      `select id as tickets from lethe.managed_tables where table_name = 'tickets'`,
    )) as [{ tickets: number }]
    await db.query('select lethe.sweep_step($1, $2)', [cycle, tickets])
    const holder = await db.connect()
    await holder.query('select pg_advisory_lock(42)')
    const rehearsing = draft(db, phonesAfter('P1Y')).then((id) => rehearse(db, id))
    const waiting = `select from pg_locks where locktype = 'advisory' and objid = 42 and not granted`
    while ((await db.query(waiting)).length === 0) await new Promise((done) => setTimeout(done, 50))
    // In the midst of the rehearsal: its compiled statements are there, and nobody has locked them.
    const programs = await rowsOf(
      db,
      `select from lethe_private.compiled where cycle_id = ${cycle} for share nowait`,
    ).finally(() => holder.query('select pg_advisory_unlock(42)'))
    expect(programs.length).toBeGreaterThan(1)
    expect(await rehearsing).toMatchObject({ state: 'rehearsed' })
    await holder.end()
    await db.query(`
      drop trigger wait on shop.customers; drop function shop.wait; update lethe.settings set lock_timeout = default;
      select lethe.finish_cycle(${cycle})`)
  })

  it('that is canceled says nothing of the row at which it was', async () => {
    await db.query(`
      create function shop.wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(43), old.email; return new; end $$;
      create trigger wait before update on shop.customers for each row execute function shop.wait()`)
    const id = await draft(db, phonesAfter('P1Y'))
    const holder = await db.connect()
    await holder.query('select pg_advisory_lock(43)')
    const refused = refusal(db.query('select lethe.rehearse($1)', [id]))
    const cancel = `select pg_cancel_backend(pid) from pg_locks where locktype = 'advisory' and objid = 43 and not granted`
    while ((await db.query(cancel)).length === 0) await new Promise((done) => setTimeout(done, 50))
    await holder.end()
    expect(await refused).toMatchObject({ code: '57014', message: expect.stringContaining('shop.customers') })
    expect(JSON.stringify(await refused)).not.toMatch(/Person|email/)
    await db.query('drop trigger wait on shop.customers; drop function shop.wait')
    expect(await rehearse(db, id)).toMatchObject({ state: 'rehearsed' })
  })

  it('says which rights are missing, and is done once they are given', async () => {
    await db.query(
      `create schema private; create table private.notes (id int primary key, owner int, body text, at date)`,
    )
    const policy = changed((one) => {
      one.tables['private.notes'] = {
        controller: { column: 'owner' },
        columns: { body: { purge: { after: 'P1Y', since: 'at' } } },
      }
    })
    const refused = await propose(db, policy)
    expect(refused.state).toBe('refused')
    expect(refused.findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          problem: 'right missing',
          remedy: 'grant usage on schema private to lethe_sweeper',
        }),
      ]),
    )
    for (const { remedy } of refused.findings) await db.query(remedy as string)
    expect(await rehearse(db, refused.id)).toMatchObject({ state: 'rehearsed' })
    await db.query('drop schema private cascade')
  })
})

describe('side effects', () => {
  const effectsOf = ({ effects }: Rehearsed): Record<string, unknown> =>
    Object.fromEntries(effects.map(({ object, kind, ...rest }) => [object, rest]))

  it('are listed by name, whatever was written before in the transaction, and must be accepted by name (LE614)', () =>
    inTransaction(async (client) => {
      await client.query(`
        create table shop.history (id bigint generated always as identity, what text);
        create table shop.counters (name text primary key, n int);
        insert into shop.counters values ('changes', 0);
        insert into shop.history (what) select 'before' from generate_series(1, 50);
        create function shop.note() returns trigger language plpgsql security definer as $$
        begin
          insert into shop.history (what) values (tg_op);
          update shop.counters set n = n + 1 where name = 'changes';
          return null;
        end $$;
        create trigger note after update on shop.customers for each row execute function shop.note()`)
      const rehearsed = await propose(client, phonesAfter('P1Y'))
      const rows = rehearsed.tried
        .filter(({ table, rule }) => table === 'shop.customers' && rule !== 'purge')
        .map(({ rows: n }) => n)
      const effects = effectsOf(rehearsed)
      expect(effects).toEqual({
        'shop.history': { inserts: expect.any(Number), updates: 0, deletes: 0 },
        'shop.counters': { inserts: 0, updates: expect.any(Number), deletes: 0 },
      })
      const { inserts } = effects['shop.history'] as { inserts: number }
      expect(inserts).toBeGreaterThanOrEqual(Math.max(...rows))
      expect(inserts).toBeLessThan(1000)

      await client.query('savepoint before')
      expect(await refusal(activate(client, rehearsed.id, ['shop.history']))).toMatchObject({
        code: 'LE614',
        message: expect.stringContaining('shop.counters'),
      })
      await client.query('rollback to before')
      await activate(client, rehearsed.id, ['shop.history', 'shop.counters'])
      expect(
        await rowsOf(client, `select state, accepted from lethe.drafts where id = ${rehearsed.id}`),
      ).toEqual([{ state: 'activated', accepted: ['shop.history', 'shop.counters'] }])
    }))

  it('on the very table that is swept are told from what is planned', () =>
    inTransaction(async (client) => {
      await client.query(`
        create function shop.spread() returns trigger language plpgsql as $$
        begin
          if pg_trigger_depth() = 1 then update shop.customers set status = 'c' where id = (old.id % 7) + 1; end if;
          return null;
        end $$;
        create trigger spread after update of phone on shop.customers for each row execute function shop.spread();
        grant update (status) on shop.customers to lethe_sweeper`)
      expect(effectsOf(await propose(client, phonesAfter('P1Y')))).toEqual({
        'shop.customers': { inserts: 0, updates: expect.any(Number), deletes: 0 },
      })
    }))

  it.each([
    ['TRUNCATE', 'truncate shop.history'],
    ['notify', `perform pg_notify('x', 'y')`],
    ['dblink', `perform dblink_exec('x', 'y')`],
    ['COPY', `copy shop.history to program 'cat'`],
  ])('of a trigger function that says %s are named, though no count shows them', (word, statement) =>
    inTransaction(async (client) => {
      await client.query(`
        create table shop.history (what text);
        create function shop.reach() returns trigger language plpgsql as $$ begin if old.id < 0 then ${statement}; end if; return null; end $$;
        create trigger reach after delete on shop.customers for each row execute function shop.reach()`)
      const rehearsed = await propose(
        client,
        changed((one) => {
          one.tables['shop.customers'].purge[0].after = 'P6Y'
        }),
      )
      expect(effectsOf(rehearsed)).toEqual({
        'shop.reach()': { why: expect.stringMatching(new RegExp(word, 'i')) },
      })
      await client.query('savepoint before')
      expect((await refusal(activate(client, rehearsed.id))).code).toBe('LE614')
      await client.query('rollback to before')
      await activate(client, rehearsed.id, ['shop.reach()'])
    }),
  )

  it('are none where a trigger is fired by something else', () =>
    inTransaction(async (client) => {
      await client.query(`
        create function shop.reach() returns trigger language plpgsql as $$ begin perform pg_notify('a', 'b'); return null; end $$;
        create trigger on_insert after insert on shop.customers for each row execute function shop.reach();
        create trigger on_status after update of status on shop.customers for each row execute function shop.reach();
        create trigger off after update on shop.customers for each row execute function shop.reach();
        alter table shop.customers disable trigger off`)
      expect(effectsOf(await propose(client, phonesAfter('P1Y')))).toEqual({})
    }))
})

describe('the blast radius', () => {
  const delays = ['P1M', 'P6M', 'P1Y', 'P2Y', 'P4Y', 'P7Y', 'P12Y']
  const delay = fc.constantFrom(...delays)

  /** Any of the shop's delays is another one; some rules go, and come, and so do the minima of some laws. */
  const anyPolicy = fc
    .record({
      email: delay,
      billing: delay,
      phone: delay,
      customers: delay,
      orders: delay,
      gifts: delay,
      address: delay,
      without: fc.subarray(['shop.tickets', 'shop.teams', 'shop.gifts']),
      when: fc.constantFrom("status = 'a'", "status = 'b'", 'id % 2 = 0'),
      laws: fc.record({ rows: delay, email: delay, gifts: delay, south: delay }, { requiredKeys: [] }),
    })
    .map((one) =>
      changed(({ tables, overrides }) => {
        tables['shop.customers'].columns.email.anonymize[0] = {
          ...tables['shop.customers'].columns.email.anonymize[0],
          after: one.email,
          when: one.when,
        }
        tables['shop.customers'].columns.email.anonymize[1].after = one.billing
        overrides.south['shop.customers'].columns.email.anonymize[0].after = one.phone
        tables['shop.customers'].columns.phone.archive[0].after = one.phone
        tables['shop.customers'].purge[0].after = 'P13Y'
        tables['shop.orders'].purge[0].after = 'P13Y'
        tables['shop.orders'].archive[0].after = one.orders
        tables['shop.orders'].columns.address.purge[0].after = one.address
        tables['shop.gifts'].purge[0].after = one.gifts
        const law = (after: string | undefined, since: string | string[], when?: string): LoosePolicy =>
          after && { after, since, when, basis: 'some law' }
        tables['shop.customers'].minimum = law(one.laws.rows, 'seen')
        tables['shop.customers'].columns.email.minimum = law(one.laws.email, 'last_at', one.when)
        tables['shop.gifts'].minimum = law(one.laws.gifts, 'given')
        overrides.south['shop.customers'].minimum = law(one.laws.south, ['last_at', 'seen'])
        for (const name of one.without) delete tables[name]
      }),
    )

  /** Rows due per controller, table and rule, as lethe.plan counts them: not held, not kept. */
  async function planned(client: pg.Client): Promise<Map<string, number>> {
    const rows = await rowsOf<{ key: string; due: number }>(
      client,
      `select concat_ws(' ', controller, table_name, rule) as key, due - held - kept_by_child as due from lethe.plan()
       where rule <> 'rows' and held is not null and table_name not like '%(archive)'`,
    )
    return new Map(rows.map(({ key, due }) => [key, due]))
  }

  it('is what lethe.plan says once the draft is in force, and what it had not said before', async () => {
    await fc.assert(
      fc.asyncProperty(anyPolicy, anyPolicy, fc.boolean(), async (first, next, held) => {
        await inTransaction(async (client) => {
          await client.query('update lethe.settings set second_person_above = null')
          await client.query('select lethe.apply_policy($1)', [JSON.stringify(first)])
          if (held)
            await client.query(`
              select lethe.hold_rows('a test', 'shop.customers', 'id % 5 = 0', controller => 'north');
              select lethe.hold_table('a test', 'shop.orders', controller => 'south')`)
          const before = await planned(client)
          const { id, blast_radius } = await propose(client, next)
          await activate(client, id)
          const after = await planned(client)
          // The archive, which is empty here, has a test of its own: blast_radius.test.ts.
          const rules = blast_radius.filter(({ due, table }) => due !== null && !table.endsWith(' (archive)'))
          for (const { controller, table, rule, due, at_once, no_longer } of rules) {
            const key = `${controller} ${table} ${rule}`
            expect([key, due]).toEqual([key, after.get(key)])
            // What was due and still is, and what is due no longer, was due before.
            expect([key, due! - at_once + no_longer!]).toEqual([key, before.get(key) ?? 0])
          }
          // What is not listed has not changed.
          const listed = new Set(rules.map(({ controller, table, rule }) => `${controller} ${table} ${rule}`))
          for (const [key, due] of after)
            if (!listed.has(key)) expect([key, due]).toEqual([key, before.get(key)])
        })
      }),
      { numRuns: 5 },
    )
  })

  it('sees that other rows are due though their number is the same', () =>
    inTransaction(async (client) => {
      await client.query(`truncate shop.customers cascade;
        insert into shop.customers (id, owner, email, phone, last_at, status) select i, 1, i || '@x', '1', '2010-01-01', case when i % 2 = 0 then 'a' else 'b' end from generate_series(1, 100) as i`)
      const only = (status: string): Policy =>
        changed((one) => {
          one.tables['shop.customers'].columns.phone.archive[0].when = `status = '${status}'`
          delete one.tables['shop.customers'].purge
          one.tables['shop.customers'].columns.phone.purge = { after: 'P30Y', since: 'last_at' }
        })
      await client.query('select lethe.apply_policy($1)', [JSON.stringify(only('a'))])
      const { rows_at_once, blast_radius } = await propose(client, only('b'))
      expect(rows_at_once).toBe(50)
      expect(blast_radius).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            controller: 'north',
            rule: 'phone: archive',
            due: 50,
            at_once: 50,
            no_longer: 50,
          }),
        ]),
      )
    }))

  it('counts rows that go along with those that leave, and not with those that were to leave anyway', () =>
    inTransaction(async (client) => {
      await client.query(`truncate shop.customers cascade;
        insert into shop.customers (id, owner, email) values (1, 1, 'a@x');
        insert into shop.orders (id, owner, customer_id, placed) select i, 1, 1, current_date - interval '3 years' from generate_series(1, 10) as i;
        insert into shop.parcels (id, owner, order_id) select i, 1, 1 + i % 10 from generate_series(1, 30) as i`)
      await client.query('grant update (id) on shop.orders to lethe_sweeper')
      const orders = (after: string): Policy =>
        changed((one) => {
          delete one.tables['shop.orders'].archive
          delete one.tables['shop.orders'].columns.address
          one.tables['shop.orders'].purge[0].after = after
        })
      await client.query('select lethe.apply_policy($1)', [JSON.stringify(orders('P4Y'))])
      const shorter = await propose(client, orders('P2Y'))
      expect(shorter.rows_at_once).toBe(40)
      expect(shorter.blast_radius).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ table: 'shop.parcels', rule: 'with parent shop.orders', at_once: 30 }),
        ]),
      )
      await client.query('select lethe.apply_policy($1)', [JSON.stringify(orders('P2Y'))])
      expect(await propose(client, orders('P1Y'))).toMatchObject({ rows_at_once: 0 })
    }))
})

describe('activation', () => {
  it('takes a second person past the threshold (LE613): another login, after the rehearsal', async () => {
    await db.query('update lethe.settings set second_person_above = 3')
    const { id, rows_at_once } = await propose(db.installer, phonesAfter('P1Y'))
    expect(rows_at_once).toBeGreaterThan(3)
    expect(await refusal(activate(db.installer, id))).toMatchObject({
      code: 'LE613',
      message: expect.stringContaining(`${rows_at_once} rows`),
    })
    expect(await refusal(db.installer.query('select lethe.approve_draft($1)', [id]))).toMatchObject({
      code: 'LE613',
    })

    await second.query('select lethe.approve_draft($1)', [id])
    await rehearse(db.installer, id)
    // What was approved is not what was found the second time, for all we know.
    expect(await refusal(activate(db.installer, id))).toMatchObject({ code: 'LE613' })
    await second.query('select lethe.approve_draft($1)', [id])
    await activate(db.installer, id)
    expect(
      await db.query('select state, approved_by <> author as by_another from lethe.drafts where id = $1', [
        id,
      ]),
    ).toEqual([{ state: 'activated', by_another: true }])
    expect(
      await db.query('select distinct reason, draft_id from lethe.policy_changes where draft_id = $1', [id]),
    ).toEqual([{ reason: 'a test', draft_id: id }])
  })

  it('takes no second person below it, nor where it is null', async () => {
    await db.query('update lethe.settings set second_person_above = null')
    const { id, rows_at_once } = await propose(db.installer, phonesAfter('P3M'))
    expect(rows_at_once).toBeGreaterThan(3)
    await activate(db.installer, id)
    await db.query('update lethe.settings set second_person_above = default')
  })

  it('counts two tokens of one login, and the login, as one person', async () => {
    const server = await db.asRole('lethe_api', 'lethe_officer')
    const request = async (token: string, text: string): Promise<unknown> => {
      const client = await server.connect()
      const hash = `encode(sha256('${token}'), 'hex')`
      try {
        await client.query(`select set_config('lethe.request', ${hash}, false); set role lethe_officer`)
        return (await client.query(text)).rows
      } finally {
        await client.end()
      }
    }
    const tokenOf = async (login: Login): Promise<string> =>
      (await login.query<{ t: string }>(`select lethe.issue_token('officer') as t`))[0]!.t
    const mine = await tokenOf(db.installer)
    const alsoMine = await tokenOf(db.installer)
    const hers = await tokenOf(second)
    const [{ id }] = (await request(
      mine,
      `select lethe.draft_policy(lethe.export_policy(), 'by request') as id`,
    )) as [{ id: number }]
    await request(mine, `select lethe.rehearse(${id})`)
    expect(await refusal(request(alsoMine, `select lethe.approve_draft(${id})`))).toMatchObject({
      code: 'LE613',
    })
    expect(await refusal(db.installer.query('select lethe.approve_draft($1)', [id]))).toMatchObject({
      code: 'LE613',
    })
    await request(hers, `select lethe.approve_draft(${id})`)
    await second.query('select lethe.withdraw_draft($1)', [id])
  })

  it.each([
    ['another policy is in force', "select lethe.drop_rule('shop.teams', 'purge')"],
    ['a table has been altered', 'alter table shop.customers add check (id > -5)'],
    ['a right has been taken back', 'revoke select on shop.tickets from lethe_sweeper'],
    [
      'rows would become due at once',
      `insert into shop.customers (id, owner, email, phone, last_at) select 100000 + i, 1, 'new' || i, '1', now() - interval '15 months' from generate_series(1, 900) as i`,
    ],
  ])('asks for another rehearsal (LE612) when %s', (why, meanwhile) =>
    inTransaction(async (client) => {
      await client.query('select lethe.apply_policy($1)', [JSON.stringify(SHOP_POLICY)])
      const { id } = await propose(client, phonesAfter('P1Y'))
      await client.query('savepoint rehearsed')
      await client.query(meanwhile)
      await client.query('savepoint before')
      expect(await refusal(activate(client, id))).toMatchObject({
        code: 'LE612',
        message: expect.stringContaining(why),
      })
      // Without that it is done.
      await client.query('rollback to rehearsed')
      await activate(client, id)
    }),
  )

  it('is refused without a rehearsal (LE612), twice, or once withdrawn (LE615), and of none there is (LE111)', async () => {
    const id = await draft(db, phonesAfter('P5M'))
    expect(await refusal(activate(db, id))).toMatchObject({ code: 'LE612' })
    expect(await refusal(db.query('select lethe.approve_draft($1)', [id]))).toMatchObject({ code: 'LE612' })
    await rehearse(db, id)
    await activate(db, id)
    expect(await refusal(activate(db, id))).toMatchObject({ code: 'LE615' })
    const other = await draft(db, phonesAfter('P6M'))
    await db.query('select lethe.withdraw_draft($1)', [other])
    for (const call of ['lethe.rehearse', 'lethe.activate', 'lethe.approve_draft', 'lethe.withdraw_draft'])
      expect(await refusal(db.query(`select ${call}($1)`, [other]))).toMatchObject({ code: 'LE615' })
    expect(await refusal(activate(db, 999_999))).toMatchObject({ code: 'LE111' })
  })

  it('of a document that the catalogue refuses is refused as lethe.apply_policy would, with its place', async () => {
    const id = await draft(
      db,
      changed((one) => {
        one.tables['shop.customers'].columns.email.anonymize[0].using = 'suppress'
      }),
    )
    expect(await refusal(rehearse(db, id))).toMatchObject({
      code: 'LE305',
      detail: 'at /tables/shop.customers/columns/email/anonymize/0',
    })
  })

  it('is for those who act for all controllers; others see no draft (LE502)', async () => {
    const officer = await db.asRole('lethe_officer')
    await db.query(`select lethe.add_member($1, 'north')`, [new URL(officer.url).username])
    const id = await draft(db, SHOP_POLICY)
    expect(await officer.query('select from lethe.drafts')).toEqual([])
    for (const call of [
      `lethe.draft_policy('{}', 'x')`,
      `lethe.rehearse(${id})`,
      `lethe.activate(${id})`,
      `lethe.approve_draft(${id})`,
      `lethe.withdraw_draft(${id})`,
    ])
      expect(await refusal(officer.query(`select ${call}`))).toMatchObject({ code: 'LE502' })
    await db.query('select lethe.withdraw_draft($1)', [id])
  })

  it('needs a document and a reason', async () => {
    expect(await refusal(db.query(`select lethe.draft_policy('[]', 'x')`))).toMatchObject({ code: 'LE605' })
    expect(await refusal(draft(db, SHOP_POLICY, ' '))).toMatchObject({ code: 'LE106' })
  })
})

it('a draft is rehearsed again when a method has been registered anew (LE612)', () =>
  inTransaction(async (client) => {
    const { id } = await propose(client, phonesAfter('P5Y'))
    await client.query(`update lethe.methods set mask = mask || ' ' where name = 'suppress'`)
    expect((await refusal(activate(client, id))).code).toBe('LE612')
  }))
