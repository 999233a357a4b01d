import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../helpers/database.ts'
import { addCycleRunner, rowsOf, runCycle, type Session } from '../../helpers/engine.ts'
import { recomputeChain } from '../../oracle/chain.ts'
import { makeLibrary, SECRET } from '../../tasks/library.ts'

const EVIDENCE = [
  'lethe.cycles',
  'lethe.cycle_tables',
  'lethe.evidence',
  'lethe.evidence_batches',
  'lethe.receipts',
]
const KEYS: Record<string, string[]> = {
  'lethe.cycles': ['id'],
  'lethe.cycle_tables': ['cycle_id', 'table_id'],
  'lethe.evidence': ['cycle_id', 'table_name', 'rule'],
  'lethe.evidence_batches': ['id'],
  'lethe.receipts': ['cycle_id'],
  'lethe.seals': ['controller_id', 'number'],
  'lethe.sealed_rows': ['controller_id', 'number', 'position'],
}
const CHAIN = ['lethe.seals', 'lethe.sealed_rows']

interface Finding {
  controller: string | null
  severity: 'error' | 'warning' | 'info'
  object: string
  finding: string
}

function findings(session: Session, anchor: string | null = null): Promise<Finding[]> {
  return rowsOf<Finding>(session, 'select * from lethe.verify_evidence(anchor => $1)', [anchor])
}

async function errors(session: Session, anchor: string | null = null): Promise<string[]> {
  return (await findings(session, anchor))
    .filter(({ severity }) => severity === 'error')
    .map(({ object, finding }) => `${object}: ${finding}`)
}

async function heads(session: Session): Promise<string> {
  const rows = await rowsOf<{ line: string }>(session, 'select line from lethe.evidence_heads()')
  return `${rows.map(({ line }) => line).join('\n')}\n`
}

/** Three cycles of each of two controllers, each with something done. */
async function makeHistory(db: TestDatabase): Promise<void> {
  await makeLibrary(db)
  await addCycleRunner(db)
  await db.query('update lethe.settings set batch_rows = 40')
  for (let round = 0; round < 3; round += 1) {
    await db.query(
      `update library.notes set body = 'call reader@${SECRET}' where id % 3 = ${round}; update library.readers set phone = '+33 6' where id % 9 = ${round}`,
    )
    for (const controller of ['north', 'south']) expect(await runCycle(db, controller)).toBe('complete')
  }
}

describe('an untouched chain', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase()
    await makeHistory(db)
  })
  afterAll(() => db.drop())

  it('is sound, and is said not to be anchored', async () => {
    expect(await findings(db)).toMatchObject([
      { controller: 'north', severity: 'warning', object: 'anchor' },
      {
        controller: 'north',
        severity: 'info',
        finding: expect.stringMatching(/^sound: 3 seals over \d+ rows/),
      },
      { controller: 'south', severity: 'warning', object: 'anchor' },
      { controller: 'south', severity: 'info' },
    ])
  })

  it('is sound and anchored with its heads, or with all heads there ever were', async () => {
    const anchor = await heads(db)
    expect((await findings(db, anchor)).map(({ severity }) => severity)).toEqual(['info', 'info'])
    expect((await findings(db, anchor + anchor)).map(({ severity }) => severity)).toEqual(['info', 'info'])
  })

  it('covers every row of every finished cycle, and every column of it', async () => {
    const [row] = await db.query(
      `select (select count(*) from lethe.sealed_rows) as sealed, ${EVIDENCE.map((table) => `(select count(*) from ${table})`).join(' + ')} as rows`,
    )
    expect(row!.sealed).toBe(row!.rows)
    expect(row!.rows).toBeGreaterThan(60)
    expect(
      await db.query(`
        select f.relation, a.attname from lethe_private.evidence_formats as f
        join pg_attribute as a on a.attrelid = f.relation::regclass and a.attnum > 0 and not a.attisdropped
        where f.format = (select max(n.format) from lethe_private.evidence_formats as n where n.relation = f.relation)
          and a.attname <> all (f.columns)`),
      // Free text, which may name somebody.
    ).toEqual([{ relation: 'lethe.archive_openings', attname: 'reason' }])
  })

  it('covers who opened the archive, and not why', async () => {
    const session = await db.connect()
    await session.query(`
      begin;
      insert into lethe.archive_openings (controller_id, table_name, key_hash, key_version, reason, restored, rows_opened)
      select id, 'shop.bills', repeat('0', 64), 1, 'a tax audit', false, '{"shop.bills": 1}' from lethe.controllers where name = 'north';
      select from lethe.seal();
      set local session_replication_role = replica;
      update lethe.archive_openings set reason = 'somebody asked'`)
    expect(await errors(session)).toEqual([])
    await session.query(`update lethe.archive_openings set by = 'nobody'`)
    expect(await errors(session)).not.toEqual([])
    await session.query('rollback')
  })

  it('can be recomputed by whoever has read how', async () => {
    const recomputed = await recomputeChain(await db.connect())
    const seals = await db.query<{ name: string; hash: string }>(
      `select controller_id || '/' || number as name, hash from lethe.seals`,
    )
    expect(seals).toHaveLength(6)
    for (const { name, hash } of seals) expect(recomputed.get(name)).toBe(hash)
  })

  it('is the same in sessions of any time zone and style', async () => {
    const expected = await findings(db)
    for (const settings of [
      `set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY'; set intervalstyle = 'sql_standard'; set extra_float_digits = -3`,
      `set timezone = 'America/St_Johns'; set datestyle = 'German'; set bytea_output = 'escape'; set intervalstyle = 'postgres_verbose'`,
    ]) {
      const session = await db.connect()
      await session.query(settings)
      expect(await findings(session)).toEqual(expected)
      await session.query(`begin; update library.notes set body = 'again'`)
      await runCycle(session, 'north')
      await session.query(`set local timezone = 'UTC'; set local datestyle = 'ISO'`)
      expect(await errors(session)).toEqual([])
      await session.query('rollback')
    }
  })

  it('names nobody', async () => {
    for (const table of [...EVIDENCE, ...CHAIN]) {
      const [row] = await db.query(`select string_agg(t::text, '') as all from ${table} as t`)
      expect(row!.all.length).toBeGreaterThan(100)
      expect(row!.all).not.toContain(SECRET)
    }
  })

  it('stays sound when a column is added to a table of evidence', async () => {
    const session = await db.connect()
    await session.query(`begin; alter table lethe.evidence add column remark text default 'new'`)
    expect(await errors(session)).toEqual([])
    await session.query('rollback')
  })

  it('says what is not sealed yet', async () => {
    const session = await db.connect()
    await session.query(`begin; select lethe.start_cycle('north')`)
    expect(await findings(session)).toContainEqual({
      controller: 'north',
      severity: 'warning',
      object: 'evidence',
      finding: expect.stringMatching(/^not sealed yet: \d+ rows of the open cycle/),
    })
    await session.query('rollback')
  })
})

describe('verification finds, in evidence that its owner changed,', () => {
  let db: TestDatabase
  let attacker: pg.Client
  let anchor: string
  let columns: { table: string; name: string; type: string; nullable: boolean }[]

  beforeAll(async () => {
    db = await createDatabase()
    await makeHistory(db)
    anchor = await heads(db)
    // Whoever owns the tables can take every constraint away.
    await db.query(`
      do $$
      declare
        v_one record;
      begin
        for v_one in
          select conrelid::regclass as tab, conname from pg_constraint
          where conrelid = any ('{${[...EVIDENCE, ...CHAIN].join(',')}}'::regclass[]) and contype <> 'n'
          order by contype = 'p'
        loop
          execute format('alter table %s drop constraint if exists %I cascade', v_one.tab, v_one.conname);
        end loop;
        drop index lethe.cycles_one_open;
      end $$`)
    columns = await db.query(`
      select attrelid::regclass::text as table, attname::text as name, format_type(atttypid, null) as type, not attnotnull as nullable
      from pg_attribute
      where attrelid = any ('{${[...EVIDENCE, ...CHAIN].join(',')}}'::regclass[]) and attnum > 0 and not attisdropped
      order by attrelid, attnum`)
    await db.query(
      columns
        .filter(({ name, table }) => table === 'lethe.evidence_batches' && name === 'id')
        .map(() => 'alter table lethe.evidence_batches alter id drop identity')
        .concat('alter table lethe.cycles alter id drop identity')
        .join(';'),
    )
    attacker = await db.connect()
    await attacker.query('set session_replication_role = replica')
  })
  afterAll(() => db.drop())

  /** Does something, looks, and undoes it. @returns the errors without and with the anchor. */
  async function attacked(
    attack: string,
    values: unknown[] = [],
  ): Promise<{ alone: string[]; anchored: string[] }> {
    await attacker.query('begin')
    try {
      const result = await attacker.query(attack, values)
      expect((Array.isArray(result) ? result.at(-1) : result).rowCount, attack).toBeGreaterThan(0)
      return { alone: await errors(attacker), anchored: await errors(attacker, anchor) }
    } finally {
      await attacker.query('rollback')
    }
  }

  const rowAt = (table: string, n: number): string =>
    `(select ctid from ${table} order by ctid offset ${n} % (select count(*) from ${table}) limit 1)`

  /** Another value of the same type, as different as one byte can be. */
  function changed({ name, type }: (typeof columns)[number], at: number): string {
    const column = `"${name}"`
    if (type === 'text') {
      const place = `1 + ${at} % greatest(length(${column}), 1)`
      return `case when ${column} is null then 'x' when substr(${column}, ${place}, 1) = 'a' then overlay(${column} placing 'b' from ${place} for 1) else overlay(${column} placing 'a' from ${place} for 1) end`
    }
    if (type === 'jsonb') {
      return `case when ${column} is null then '{"x": 1}'
        else coalesce(nullif(regexp_replace(${column}::text, '[0-8](?=[0-9]*[,}])', '9')::jsonb, ${column}), jsonb_build_array(${column})) end`
    }
    if (type === 'timestamp with time zone')
      return `coalesce(${column} + interval '1 microsecond', timestamptz '2000-01-01')`
    if (type === 'date') return `${column} + 1`
    return `coalesce(${column} + 1, 0)`
  }

  it('any byte of any column of any row', async () => {
    expect(await errors(attacker, anchor)).toEqual([])
    await fc.assert(
      fc.asyncProperty(
        fc.nat(columns.length - 1),
        fc.nat(10_000),
        fc.nat(200),
        fc.boolean(),
        async (column, row, at, toNull) => {
          const { table, name, nullable } = columns[column]!
          const value = toNull && nullable ? 'null' : changed(columns[column]!, at)
          const { alone } = await attacked(
            `with changed as (update ${table} set "${name}" = ${value} where ctid = ${rowAt(table, row)} returning *)
             select from changed union all select`,
          )
          const same = toNull && nullable && (await isNull(table, name, row))
          if (same) expect(alone).toEqual([])
          else expect(alone, `${table}.${name}`).not.toEqual([])
        },
      ),
      { numRuns: 120 },
    )
  }, 300_000)

  async function isNull(table: string, name: string, row: number): Promise<boolean> {
    const [found] = await rowsOf<{ null: boolean }>(
      attacker,
      `select "${name}" is null as null from ${table} where ctid = ${rowAt(table, row)}`,
    )
    return found!.null
  }

  it('each column at least once', async () => {
    for (const column of columns) {
      const { alone } = await attacked(
        `update ${column.table} set "${column.name}" = ${changed(column, 0)} where ctid = ${rowAt(column.table, 1)}`,
      )
      expect(alone, `${column.table}.${column.name}`).not.toEqual([])
    }
  }, 120_000)

  it('any row that was removed, put in twice, or swapped with another', async () => {
    const tables = [...EVIDENCE, ...CHAIN]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...tables),
        fc.nat(10_000),
        fc.constantFrom('remove', 'double', 'put in', 'swap'),
        async (table, row, attack) => {
          const mine = columns.filter((column) => column.table === table)
          const key = KEYS[table]!
          const list = (names: string[]): string => names.map((name) => `"${name}"`).join(', ')
          const names = mine.map(({ name }) => name)
          const content = names.filter((name) => !key.includes(name))
          const pair = `(${rowAt(table, row)}, ${rowAt(table, row + 1)})`
          const elsewhere = (name: string): string =>
            `"${name}" ${mine.find((column) => column.name === name)!.type === 'text' ? `|| ' more'` : '+ 7000'}`
          const statements = {
            remove: `delete from ${table} where ctid = ${rowAt(table, row)}`,
            double: `insert into ${table} select * from ${table} where ctid = ${rowAt(table, row)}`,
            // As another row of the same cycle, or of the same chain.
            'put in': `insert into ${table} (${list(names)})
              select ${names.map((name) => (name === key.at(-1) ? elsewhere(name) : `"${name}"`)).join(', ')}
              from ${table} where ctid = ${rowAt(table, row)}`,
            swap: `update ${table} as t set (${list(content)}) = (
                select ${list(content)} from ${table} as o where o.ctid in ${pair} and o.ctid <> t.ctid)
              where t.ctid in ${pair}`,
          }
          // A cycle that nobody sealed is no change of the past: it is said not to be sealed.
          if (attack === 'put in' && table === 'lethe.cycles') return
          if (attack === 'swap' && !(await differ(table, content, row))) return
          const { alone } = await attacked(statements[attack])
          expect(alone, `${attack} ${table}`).not.toEqual([])
        },
      ),
      { numRuns: 100 },
    )
  }, 300_000)

  async function differ(table: string, names: string[], row: number): Promise<boolean> {
    const [found] = await rowsOf<{ differ: boolean }>(
      attacker,
      `select (${names.map((name) => `a."${name}"`).join(', ')}) is distinct from (${names.map((name) => `b."${name}"`).join(', ')}) as differ
       from ${table} as a, ${table} as b where a.ctid = ${rowAt(table, row)} and b.ctid = ${rowAt(table, row + 1)}`,
    )
    return found!.differ
  }

  it('rows and seals in another order', async () => {
    for (const attack of [
      `update lethe.seals set number = 3 - number where number in (1, 2)`,
      `update lethe.sealed_rows set position = 3 - position where number = 1 and position in (1, 2)`,
      `update lethe.sealed_rows set number = 3 - number where number in (1, 2)`,
      `update lethe.evidence set cycle_id = cycle_id + 2 where cycle_id = 1`,
      `update lethe.evidence_batches as b set cycle_id = c.id from (select max(id) as id from lethe.cycles) as c where b.cycle_id = (select min(cycle_id) from lethe.evidence_batches)`,
      `update lethe.cycles set controller_id = (select max(controller_id) from lethe.cycles) where id = (select min(id) from lethe.cycles where controller_id = (select min(controller_id) from lethe.cycles))`,
    ]) {
      expect((await attacked(attack)).alone, attack).not.toEqual([])
    }
  })

  it('a tail that was cut: seals alone are missed at once', async () => {
    const { alone, anchored } = await attacked(
      'delete from lethe.sealed_rows where number = 3; delete from lethe.seals where number = 3',
    )
    expect(alone.join('\n')).toMatch(/lethe\.receipts \[\d+\]: is in no seal/)
    expect(anchored.join('\n')).toMatch(/seal 3 was anchored, and the chain ends at 2/)
  })

  it('a tail that was cut with its evidence, or an older backup: by the anchor alone, and without one it is said', async () => {
    const last = '(select split_part(key, $$[$$, 2) from lethe.sealed_rows)'
    expect(last).toBeTruthy()
    const cut = `
      create temporary table gone on commit drop as
        select trim(key, '[]')::bigint as cycle_id from lethe.sealed_rows where number = 3 and relation = 'lethe.cycles';
      ${EVIDENCE.slice(1)
        .map((table) => `delete from ${table} where cycle_id in (select cycle_id from gone);`)
        .join('\n')}
      delete from lethe.sealed_rows where number = 3;
      delete from lethe.seals where number = 3;
      delete from lethe.cycles where id in (select cycle_id from gone)`
    const { alone, anchored } = await attacked(cut)
    expect(alone).toEqual([])
    expect(anchored).toHaveLength(2)
    expect(anchored[0]).toMatch(/the chain ends at 2: its tail was cut, or an older backup was restored/)
    await attacker.query(`begin; ${cut}`)
    const said = await findings(attacker)
    await attacker.query('rollback')
    expect(said.filter(({ finding }) => finding.startsWith('the tail is not anchored'))).toHaveLength(2)
  })

  it('a chain that was made anew over changed evidence: by the anchor', async () => {
    const anew = `
      update lethe.evidence set done = done + 1;
      delete from lethe.sealed_rows; delete from lethe.seals;
      select * from lethe.seal()`
    const { alone, anchored } = await attacked(anew)
    expect(alone).toEqual([])
    expect(anchored.join('\n')).toMatch(/anchored in another chain than this/)
  })

  it('a tail that was made anew: by the anchor', async () => {
    const { alone, anchored } = await attacked(`
      delete from lethe.sealed_rows where number = 3; delete from lethe.seals where number = 3;
      update lethe.evidence set done = done + 1 where cycle_id >= (select max(id) - 1 from lethe.cycles);
      select * from lethe.seal()`)
    expect(alone).toEqual([])
    expect(anchored.join('\n')).toMatch(
      /seal 3 was anchored with another hash than it has: the chain was rewritten/,
    )
  })

  it('evidence that belongs to no cycle', async () => {
    const { alone } = await attacked(
      `insert into lethe.evidence_batches select 9001, 9001, table_id, phase, at, rows_done, counts, root, key_version from lethe.evidence_batches limit 1`,
    )
    expect(alone).toEqual([expect.stringMatching(/^lethe\.evidence_batches \[9001\]: belongs to no cycle/)])
  })

  it('says which row it was, and under which seal', async () => {
    const { alone } = await attacked(
      `update lethe.evidence set done = done + 1 where table_name = 'library.notes' and cycle_id = (select min(id) from lethe.cycles)`,
    )
    expect(alone).toEqual([
      expect.stringMatching(
        /^lethe\.evidence \[\d+, "library\.notes", "body: anonymize"\]: was altered after seal 1$/,
      ),
    ])
  })

  it('an anchor that was damaged, or is of another database', async () => {
    const torn = `${anchor}{"controller": "no`
    expect(await errors(attacker, torn)).toEqual([expect.stringMatching(/^anchor, line 3: cannot be read/)])
    expect(await errors(attacker, anchor.replace('north', 'west'))).toEqual([
      expect.stringMatching(/^anchor, line 1: controller west was anchored and is not in this database/),
    ])
    expect(
      await errors(
        attacker,
        '[1]\n42\n"x"\n{"controller": "north", "chain": "1", "number": "x", "hash": "1"}',
      ),
    ).toHaveLength(4)
  })
})

describe('sealed evidence', () => {
  let db: TestDatabase
  let owner: Login
  beforeAll(async () => {
    db = await createDatabase()
    await makeHistory(db)
    owner = await db.asRole('lethe_owner')
  })
  afterAll(() => db.drop())

  it.each([
    ...[...EVIDENCE, ...CHAIN].map((table) => `delete from ${table}`),
    ...[...EVIDENCE, ...CHAIN].map((table) => `truncate ${table} cascade`),
    'update lethe.cycles set finished_at = now()',
    'update lethe.cycle_tables set rows_done = 0',
    'update lethe.evidence set left_over = 0',
    'update lethe.evidence_batches set rows_done = 0',
    `update lethe.receipts set document = '{}'`,
    'update lethe.seals set rows = 1',
    `update lethe.sealed_rows set key = ''`,
  ])('is not changed by its owner: %s', async (text) => {
    const session = await owner.connect()
    const refused = await refusal(session.query(`set role lethe_owner; ${text}`))
    expect(refused).toMatchObject({ code: 'LE801' })
    expect(refused.message).toMatch(/is refused: it is sealed evidence$/)
  })

  it('leaves the rows of an open cycle to the cycle', async () => {
    const session = await db.connect()
    await session.query(`begin; set local role lethe_owner; select lethe.start_cycle('north')`)
    const updated = await session.query(
      `update lethe.cycle_tables set rows_done = 0 where cycle_id = (select max(id) from lethe.cycles)`,
    )
    expect(updated.rowCount).toBeGreaterThan(0)
    await session.query('rollback')
  })
})

describe('sealing', () => {
  let db: TestDatabase
  beforeAll(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    await addCycleRunner(db)
  })
  afterAll(() => db.drop())

  const sealsOf = (name: string): Promise<number[]> =>
    db
      .query<{ number: number }>(
        `select s.number from lethe.seals as s join lethe.controllers as c on c.id = s.controller_id where c.name = $1 order by 1`,
        [name],
      )
      .then((rows) => rows.map(({ number }) => number))
  /** A cycle as one that ended before there were seals. */
  const oldCycle = (name: string): Promise<unknown> =>
    db.query(
      `with cycle as (
         insert into lethe.cycles (controller_id, local_date, covers_since, state, finished_at)
         select id, current_date, current_date, 'complete', now() from lethe.controllers where name = $1 returning id)
       insert into lethe.evidence (cycle_id, table_name, rule, table_id) select id, 'library.notes', 'purge', 1 from cycle`,
      [name],
    )

  it('takes cycles that ended before there were seals along with the next that ends', async () => {
    for (let i = 0; i < 3; i += 1) await oldCycle('south')
    expect((await findings(db)).map(({ finding }) => finding)).toContain(
      'not sealed yet: 6 rows; the next cycle that ends seals them, or lethe.seal() does',
    )
    await runCycle(db, 'south')
    expect(await sealsOf('south')).toEqual([1])
    expect(await errors(db)).toEqual([])
    expect((await findings(db)).some(({ finding }) => finding.startsWith('not sealed'))).toBe(false)
  })

  it('at once from many sessions makes one chain', async () => {
    const sessions = await Promise.all(Array.from({ length: 6 }, () => db.connect()))
    for (let round = 0; round < 5; round += 1) {
      await oldCycle('north')
      await Promise.all(
        sessions.map(async (session, index) => {
          if (index % 2) await session.query(`select * from lethe.seal('north')`)
          else await session.query('select * from lethe.seal()')
        }),
      )
    }
    expect(await sealsOf('north')).toEqual([1, 2, 3, 4, 5])
    expect(await errors(db)).toEqual([])
    expect(await rowsOf(db, `select * from lethe.seal('north')`)).toEqual([])
  })

  it('waits for another that has not committed, and goes on from its head', async () => {
    await oldCycle('north')
    const [first, second] = [await db.connect(), await db.connect()]
    const before = (await sealsOf('north')).length
    await first.query(`begin; select * from lethe.seal('north')`)
    const waiting = second.query(`select number from lethe.seal('north')`)
    await first.query('rollback')
    expect((await waiting).rows).toEqual([{ number: before + 1 }])
    expect(await errors(db)).toEqual([])
  })

  it.each(['repeatable read', 'serializable'])(
    'is refused at %s (LE405), which would not see another seal',
    async (level) => {
      const session = await db.connect()
      await session.query(`begin isolation level ${level}`)
      expect(await refusal(session.query('select * from lethe.seal()'))).toMatchObject({
        code: 'LE405',
        message: `evidence cannot be sealed at isolation level ${level}`,
      })
      await session.query('rollback; begin')
      await session.query('select * from lethe.seal()')
      await session.query('rollback')
    },
  )

  it('a cycle waits for a verification under way, and a verification finds the cycle ended', async () => {
    const [cycle] = await db.query<{ id: number }>(`select lethe.start_cycle('north') as id`)
    const id = cycle!.id
    await db.query(
      `update lethe.cycle_tables set state = 'failed', failure = '{"sqlstate": "42501"}' where cycle_id = ${id}`,
    )
    const [verifier, finisher] = [await db.connect(), await db.connect()]
    await verifier.query(`begin; select lethe.verify_cycle(${id})`)
    await finisher.query(`set lock_timeout = '300ms'`)
    expect(await refusal(finisher.query(`select lethe.finish_cycle(${id})`))).toMatchObject({ code: '55P03' })
    await verifier.query('commit')
    await finisher.query(`begin; select lethe.finish_cycle(${id})`)
    const late = verifier.query(`select lethe.verify_cycle(${id})`)
    await finisher.query('commit')
    await late
    expect(await errors(db)).toEqual([])
    const [row] = await db.query(`select state from lethe.cycles where id = ${id}`)
    expect(row!.state).toBe('incomplete')
    expect(await db.query(`select lethe.finish_cycle(${id}) as state`)).toEqual([{ state: 'incomplete' }])
    const [receipt] = await db.query<{ receipt: { tables: { state: string }[] } }>(
      `select lethe.receipt(${id}) as receipt`,
    )
    expect(receipt!.receipt.tables.every(({ state }) => state === 'failed')).toBe(true)
  })

  it('of a cycle that is rolled back leaves no gap', async () => {
    const session = await db.connect()
    const before = await sealsOf('south')
    await session.query('begin')
    await runCycle(session, 'south')
    await session.query('rollback')
    expect(await sealsOf('south')).toEqual(before)
    await runCycle(db, 'south')
    expect(await sealsOf('south')).toEqual([...before, before.length + 1])
    expect(await errors(db)).toEqual([])
  })
})

describe('evidence of one controller', () => {
  let db: TestDatabase
  let auditor: Login
  let worker: Login
  beforeAll(async () => {
    db = await createDatabase()
    await makeHistory(db)
    auditor = await db.asRole('lethe_auditor')
    worker = await db.asRole('lethe_worker')
    await db.query(`select lethe.add_member($1, 'north')`, [new URL(auditor.url).username])
  })
  afterAll(() => db.drop())

  it('is what its auditor sees, verifies and gets receipts of; nothing of another', async () => {
    expect(new Set((await findings(auditor)).map(({ controller }) => controller))).toEqual(new Set(['north']))
    for (const table of ['lethe.seals', 'lethe.sealed_rows']) {
      const [row] = await auditor.query(`select count(distinct controller_id) as n from ${table}`)
      expect(row!.n).toBe(1)
    }
    const [mine] = await auditor.query<{ cycle_id: number }>(
      'select cycle_id from lethe.receipts order by 1 limit 1',
    )
    const [others] = await db.query<{ id: number }>(
      `select y.id from lethe.cycles as y join lethe.controllers as c on c.id = y.controller_id where c.name = 'south' limit 1`,
    )
    expect(await auditor.query('select lethe.receipt($1) as receipt', [mine!.cycle_id])).toMatchObject([
      { receipt: { controller: { name: 'north' }, seal: { number: 1 } } },
    ])
    expect(await refusal(auditor.query('select lethe.receipt($1)', [others!.id]))).toMatchObject({
      code: 'LE802',
    })
    expect(await db.query('select lethe.receipt($1) as receipt', [others!.id])).toMatchObject([
      { receipt: { controller: { name: 'south' } } },
    ])
    const lines = await auditor.query<{ controller: string }>('select controller from lethe.evidence_heads()')
    expect(lines).toEqual([{ controller: 'north' }])
  })

  it('is checked against an anchor that has others too', async () => {
    expect((await findings(auditor, await heads(db))).map(({ severity }) => severity)).toEqual(['info'])
  })

  it('is refused to who acts for another (LE502) or does not exist (LE101)', async () => {
    expect(await refusal(auditor.query(`select * from lethe.verify_evidence('south')`))).toMatchObject({
      code: 'LE502',
    })
    expect(await db.query(`select * from lethe.verify_evidence('south')`)).not.toEqual([])
    expect(await refusal(auditor.query(`select * from lethe.verify_evidence('west')`))).toMatchObject({
      code: 'LE101',
    })
    const nobody = await db.asRole('lethe_auditor')
    expect(await refusal(nobody.query('select * from lethe.verify_evidence()'))).toMatchObject({
      code: 'LE502',
    })
  })

  it('is sealed and carried out by a worker, who neither reads nor changes it', async () => {
    expect(await worker.query('select * from lethe.seal()')).toEqual([])
    expect(await worker.query('select controller from lethe.evidence_heads()')).toHaveLength(2)
    for (const text of [
      'select * from lethe.seals',
      'select * from lethe.sealed_rows',
      'select * from lethe.receipts',
      'select * from lethe.verify_evidence()',
      'insert into lethe.seals select * from lethe.seals',
    ]) {
      expect(await refusal(worker.query(text))).toMatchObject({ code: '42501' })
    }
    expect(await refusal(auditor.query('select * from lethe.seal()'))).toMatchObject({ code: '42501' })
  })
})
