import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type Login, refusal, type TestDatabase } from '../../helpers/database.ts'

let db: TestDatabase
let officer: Login
let name: string

beforeAll(async () => {
  db = await createDatabase()
  await db.installer.query(
    `select lethe.set_controller('north', 'Europe/Paris'), lethe.set_controller('south', 'America/Sao_Paulo')`,
  )
  officer = await db.asRole('lethe_officer')
  name = new URL(officer.url).username
  await db.installer.query(`select lethe.add_member($1, 'north')`, [name])
})
afterAll(() => db.drop())

const issue = async (login: Login, ...values: (string | null)[]): Promise<string> => {
  const placeholders = values.map((_, index) => `$${index + 1}`).join(', ')
  return (
    await login.query<{ token: string }>(`select lethe.issue_token(${placeholders}) as token`, values)
  )[0]!.token
}

describe('lethe.issue_token', () => {
  it('gives a token that is nowhere kept: only its SHA-256 is', async () => {
    const token = await issue(officer, 'officer', 'north', 'P30D', 'the web site')
    expect(token).toMatch(/^lethe_[0-9a-f]{64}$/)
    const [row] = await db.query(
      `
      select name, role, issued_by, token_hash = encode(sha256($1::bytea), 'hex') as hashed,
        expires_at - issued_at = interval '30 days' as for_thirty_days, last_used_at, revoked_at
      from lethe_private.api_tokens`,
      [token],
    )
    expect(row).toEqual({
      name: 'the web site',
      role: 'lethe_officer',
      issued_by: name,
      hashed: true,
      for_thirty_days: true,
      last_used_at: null,
      revoked_at: null,
    })
    const everywhere = await db.query(
      `
      select from lethe_private.api_tokens as t where t::text ~ $1
      union all select from lethe.policy_changes as c where c::text ~ $1 or c::text ~ encode(sha256($1::bytea), 'hex')`,
      [token],
    )
    expect(everywhere).toEqual([])
  })

  it('never gives the same twice', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, () => issue(db.installer, 'auditor', 'north')),
    )
    expect(new Set(tokens).size).toBe(20)
  })

  it('is recorded with who did it, and revoking too', async () => {
    await issue(officer, 'analyst', 'north', 'P1D', 'for the record')
    const [token] = await officer.query<{ id: number }>(
      `select id from lethe.api_tokens where name = 'for the record'`,
    )
    await officer.query('select lethe.revoke_token($1)', [token!.id])
    await officer.query('select lethe.revoke_token($1)', [token!.id])
    const changes = await db.query(`
      select by, reason, before ->> 'revoked_at' is null as good_before, after ->> 'name' as name, after ? 'token_hash' as tells
      from lethe.policy_changes where object = 'api_tokens' and after ->> 'name' = 'for the record' order by id`)
    expect(changes).toEqual([
      { by: name, reason: 'token issued', good_before: true, name: 'for the record', tells: false },
      { by: name, reason: 'token revoked', good_before: true, name: 'for the record', tells: false },
    ])
  })

  it('takes one who acts for the controller; for all of them, an operator', async () => {
    expect(await refusal(issue(officer, 'officer', 'south'))).toMatchObject({ code: 'LE502' })
    expect(await refusal(issue(officer, 'auditor', null))).toMatchObject({ code: 'LE502' })
    await expect(issue(db.installer, 'auditor', null)).resolves.toMatch(/^lethe_/)
    await expect(issue(db.installer, 'officer', 'south')).resolves.toMatch(/^lethe_/)
    const auditor = await db.asRole('lethe_auditor')
    await db.installer.query(`select lethe.add_member($1, 'north')`, [new URL(auditor.url).username])
    expect(await refusal(issue(auditor, 'auditor', 'north'))).toMatchObject({ code: '42501' })
  })

  it('refuses another role, no end, an end beyond a year, and a controller that is none', async () => {
    for (const [values, code] of [
      [['owner', 'north'], 'LE106'],
      [[null, 'north'], 'LE106'],
      [['officer', 'north', 'P366D'], 'LE701'],
      [['officer', 'north', 'P2Y'], 'LE701'],
      [['officer', 'north', null], 'LE301'],
      [['officer', 'north', 'P0D'], 'LE301'],
      [['officer', 'nowhere'], 'LE101'],
    ] as const)
      expect(await refusal(issue(db.installer, ...values)), values.join()).toMatchObject({ code })
    await expect(issue(db.installer, 'officer', 'north', 'P1Y')).resolves.toMatch(/^lethe_/)
  })
})

describe('lethe.revoke_token', () => {
  it('knows no token of another controller, and none that never was', async () => {
    await issue(db.installer, 'auditor', 'south', 'P1D', 'of south')
    const [token] = await db.query<{ id: number }>(
      `select id from lethe_private.api_tokens where name = 'of south'`,
    )
    const theirs = await refusal(officer.query('select lethe.revoke_token($1)', [token!.id]))
    expect(theirs).toMatchObject({ code: 'LE702', message: `there is no token ${token!.id}` })
    expect(await refusal(officer.query('select lethe.revoke_token(999999)'))).toMatchObject({ code: 'LE702' })
    await db.installer.query('select lethe.revoke_token($1)', [token!.id])
    expect(
      await db.query('select from lethe_private.api_tokens where id = $1 and revoked_at is null', [
        token!.id,
      ]),
    ).toEqual([])
  })
})

describe('lethe.api_tokens', () => {
  it('lists the tokens of the controllers that the login acts for, those for all to operators', async () => {
    await issue(db.installer, 'officer', null, 'P1D', 'of all')
    const seen = async (login: Login) =>
      (
        await login.query<{ controller: string }>(`
        select distinct coalesce(controller_id::text, 'all') as controller from lethe.api_tokens`)
      ).length
    expect(await seen(db.installer)).toBe(3)
    expect(await seen(officer)).toBe(1)
    expect(await seen(await db.asRole('lethe_auditor'))).toBe(0)
    expect(await refusal(officer.query('select from lethe_private.api_tokens'))).toMatchObject({
      code: '42501',
    })
  })
})

describe('lethe.authenticate', () => {
  it('is for the server’s login alone, and gives no row for what is not good', async () => {
    const token = await issue(db.installer, 'auditor', 'north')
    const server = await db.asRole('lethe_api')
    const call = `select role from lethe.authenticate(encode(sha256($1::bytea), 'hex'))`
    expect(await server.query(call, [token])).toEqual([{ role: 'lethe_auditor' }])
    expect(await server.query(call, [`${token}0`])).toEqual([])
    expect(await server.query('select from lethe.authenticate(null)')).toEqual([])
    expect(await refusal(officer.query(call, [token]))).toMatchObject({ code: '42501' })
  })

  it('does not wait for another that notes the same token as used', async () => {
    const token = await issue(db.installer, 'auditor', 'north')
    const server = await db.asRole('lethe_api')
    const call = `select role from lethe.authenticate(encode(sha256('${token}'::bytea), 'hex'))`
    const first = await server.connect()
    await first.query('begin')
    await first.query(call)
    const second = await server.connect()
    await second.query(`set statement_timeout = '5s'`)
    expect((await second.query(call)).rows).toEqual([{ role: 'lethe_auditor' }])
    await first.query('commit')
  })
})
