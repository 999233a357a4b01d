/** Identifiers of a request: sealed as they are, added to, never lost, compared in one form. */
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy } from '../helpers/engine.ts'
import { keyFromInnerPad } from '../oracle/masks.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
  await db.query(`
    create schema "Club";
    create table "Club"."Members" (
      "Nr" int, "Since" timestamptz, owner int not null, "E-Mail" text, phone varchar(40), at date,
      primary key ("Nr", "Since"));
    insert into "Club"."Members" values
      (1, '2024-03-31 01:30+02', 1, 'Luis@Example.org', '+33 6 12 34 56 78', current_date),
      (2, '2024-03-31 01:30+02', 2, 'luis@example.org', ' ', current_date),
      (3, '2024-03-31 01:30+02', 1, null, '', current_date)`)
  await applyPolicy(db, {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Apia', reference: '2' },
    },
    subjects: { member: { table: 'Club.Members', identifiers: ['E-Mail', 'phone'] } },
    tables: {
      'Club.Members': {
        controller: { column: 'owner' },
        columns: {
          'E-Mail': {
            category: 'contact',
            anonymize: { after: 'P1Y', since: 'at', using: 'pseudonym_email' },
          },
          phone: {
            category: 'contact',
            archive: { after: 'P1Y', since: 'at', using: 'suppress' },
            purge: { after: 'P200Y', since: 'at' },
          },
        },
        archive: { after: 'P20Y', since: 'at' },
        purge: { after: 'P300Y', since: 'at' },
      },
    },
  })
})
afterAll(() => db.drop())

const key = (nr: number): string => `jsonb_build_array(${nr}, timestamp '2024-03-30 23:30')::text`

async function request(controller: string, nr: number): Promise<number> {
  const [row] = await db.query<{ id: number }>(`
    insert into lethe.requests (controller_id, kind, subject, due_on)
    select id, 'erasure', 'member', current_date + 30 from lethe.controllers where name = '${controller}'
    returning id`)
  await db.query(`
    insert into lethe_private.request_roots
    select ${row!.id}, 1, id, ${key(nr)} from lethe.managed_tables where table_name = 'Members'`)
  return row!.id
}

const keep = (id: number) => db.query('select lethe_private.keep_identifiers($1)', [id])
const kept = async (id: number): Promise<string[]> =>
  (
    await db.query<{ v: string }>(
      `select column_name || '=' || identifier as v from lethe_private.identifiers_of(array[$1::bigint]) order by n`,
      [id],
    )
  ).map(({ v }) => v)

describe('keeping', () => {
  it('adds what the person changed meanwhile, leaves out the empty and the masked, and forgets all at once', async () => {
    const id = await request('north', 1)
    await keep(id)
    await keep(id)
    expect(await kept(id)).toEqual(['E-Mail=Luis@Example.org', 'phone=+33 6 12 34 56 78'])
    await db.query(`update "Club"."Members" set "E-Mail" = 'new@example.org', phone = '' where "Nr" = 1`)
    await keep(id)
    await db.query(`
      update "Club"."Members" as m set "E-Mail" = lethe.pseudonym_email('new@example.org', k.inner_pad, k.outer_pad, 254)
      from lethe_private.controller_keys as k where m."Nr" = 1 and k.controller_id = 1`)
    const [masked] = await db.query<{ v: string }>(
      `select "E-Mail" as v from "Club"."Members" where "Nr" = 1`,
    )
    expect(masked!.v).toMatch(/@anonymized\.invalid$/)
    await keep(id)
    expect(await kept(id)).toEqual([
      'E-Mail=Luis@Example.org',
      'phone=+33 6 12 34 56 78',
      'E-Mail=new@example.org',
    ])
    await db.query('select lethe_private.forget_identifiers($1)', [id])
    expect(await kept(id)).toEqual([])
  })

  it("keeps nothing of another controller's row of the same key, nor of a row without identifiers", async () => {
    const ids = [await request('north', 2), await request('south', 2), await request('north', 3)]
    for (const id of ids) await keep(id)
    expect(await Promise.all(ids.map(kept))).toEqual([[], ['E-Mail=luis@example.org'], []])
  })

  it('reads what has been archived of the person, rows and values alike', async () => {
    await db.query(`insert into "Club"."Members" values
      (7, '2024-03-31 01:30+02', 1, 'seven@example.org', '0677777777', current_date - 5000),
      (8, '2024-03-31 01:30+02', 1, 'eight@example.org', '0688888888', '1990-01-01')`)
    const ids = [await request('north', 7), await request('north', 8)]
    await db.query(`call lethe.run_cycle('north')`)
    expect(await db.query(`select "Nr", phone from "Club"."Members" where "Nr" in (7, 8)`)).toEqual([
      { Nr: 7, phone: null },
    ])
    for (const id of ids) await keep(id)
    expect(await Promise.all(ids.map(kept))).toEqual([['phone=0677777777'], ['phone=0688888888']])
  })

  it('says LE501 when the table may not be read, and keeps them once it may', async () => {
    const id = await request('south', 2)
    await db.query('revoke select on "Club"."Members" from lethe_sweeper')
    expect(await refusal(keep(id))).toMatchObject({
      code: 'LE501',
      message: 'lethe_sweeper may not read Club.Members',
    })
    await db.query('grant select on "Club"."Members" to lethe_sweeper')
    await keep(id)
    expect(await kept(id)).toEqual(['E-Mail=luis@example.org'])
  })
})

describe('sealing', () => {
  const keys = async (): Promise<Buffer> => {
    const [row] = await db.query<{ pad: Buffer }>('select (lethe_private.newest_key(1)).inner_pad as pad')
    return keyFromInnerPad(row!.pad)
  }
  const derive = (master: Buffer, label: string): Buffer => {
    const number = (n: number): Buffer => Buffer.from([n >>> 24, n >>> 16, n >>> 8, n].map((b) => b & 255))
    return createHmac('sha256', master)
      .update(Buffer.concat([number(1), Buffer.from(`${label}\0`), number(1), number(256)]))
      .digest()
  }

  it('gives back what it was given, says it another way each time, and is opened by an implementation of its own', async () => {
    const master = await keys()
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 90 }), async (text) => {
        const value = text.replaceAll('\0', '')
        const [row] = await db.query<{ a: Buffer; b: Buffer; opened: string }>(
          `select a.sealed as a, b.sealed as b, lethe_private.open_text(a.sealed, 1, a.key_version) as opened
           from lethe_private.seal_text($1, 1) as a, lethe_private.seal_text($1, 1) as b`,
          [value],
        )
        expect(row!.opened).toBe(value)
        expect(row!.a.equals(row!.b)).toBe(false)
        const head = row!.a.subarray(0, -32)
        const mac = createHmac('sha256', derive(master, 'lethe seal authenticate')).update(head).digest()
        expect(mac.equals(row!.a.subarray(-32))).toBe(true)
        const stream = (i: number): Buffer =>
          createHmac('sha256', derive(master, 'lethe seal encrypt'))
            .update(Buffer.concat([head.subarray(0, 16), Buffer.from([0, 0, 0, i])]))
            .digest()
        const clear = head.subarray(16).map((byte, at) => byte ^ stream(1 + (at >> 5))[at & 31]!)
        expect(Buffer.from(clear).toString()).toBe(value)
      }),
      { numRuns: 60 },
    )
  })

  it('refuses what was altered anywhere, cut, or sealed for another controller (LE441)', async () => {
    const open = (change: string, controller = 1) =>
      db.query(`select lethe_private.open_text(${change}, ${controller}, s.key_version) as v
        from (select sealed, key_version from lethe_private.seal_text('luis@example.org', 1)) as s`)
    expect(await open('s.sealed')).toEqual([{ v: 'luis@example.org' }])
    for (const at of [0, 15, 16, 31, 32, 63])
      expect(await refusal(open(`set_byte(s.sealed, ${at}, 255 - get_byte(s.sealed, ${at}))`))).toMatchObject(
        { code: 'LE441' },
      )
    for (const [change, controller] of [
      ['substr(s.sealed, 1, 40)', 1],
      [`''::bytea`, 1],
      ['s.sealed', 2],
      ['s.sealed', 99],
    ] as const)
      expect(await refusal(open(change, controller))).toMatchObject({
        code: 'LE441',
        message: expect.not.stringContaining('luis'),
      })
  })
})

describe('comparing', () => {
  it.each([
    ['+33 6 12 34 56 78', '+33612345678'],
    ['0033612345678', '+33612345678'],
    ['+33 (0)6 12.34.56.78', '+33612345678'],
    ['06.12.34.56.78', '0612345678'],
    ['(06) 12/34-56-78', '0612345678'],
  ])('takes %s for one and the same telephone number', async (spelling, digits) => {
    expect(
      await db.query(
        `select lethe_private.phone_digits($1) as digits,
           lethe_private.identifier_lock_id(1, $1) = lethe_private.identifier_lock_id(1, '+33612345678') as same_lock,
           lethe_private.identifier_lock_id(1, $1) = lethe_private.identifier_lock_id(2, $1) as others_lock`,
        [spelling],
      ),
    ).toEqual([{ digits, same_lock: true, others_lock: false }])
  })

  it.each(['12 rue', '123456', 'a1234567', '2024', '', '1234567@example.org', '123456789012345678'])(
    'takes %s for no telephone number',
    async (value) => {
      expect(await db.query('select lethe_private.phone_digits($1) as digits', [value])).toEqual([
        { digits: null },
      ])
    },
  )

  it('folds case as the database does, whatever the collation, and spaces of every kind', async () => {
    const [row] = await db.query<{ same: boolean }>(`
      select bool_and(lethe_private.normalise_identifier(v collate "C") = lower(v)) as same
      from unnest(array['İstanbul', 'Straße', 'ÉLODIE', 'ΣΊΣΥΦΟΣ', 'luis@EXAMPLE.org']) as v`)
    expect(row!.same).toBe(true)
    expect(
      await db.query(`select lethe_private.normalise_identifier(E'\\u00A0 Luis \\t\\n\\u202F PÉREZ ') as v`),
    ).toEqual([{ v: 'luis pérez' }])
  })
})
