/** The certificate of an erasure: figures, no person, sealed and signed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openPool } from '../../src/db/client.ts'
import { type Certificate, readCertificate } from '../../src/db/evidence.ts'
import { readCertificateFile, writeCertificate } from '../../src/evidence/certificate.ts'
import { openSigningKey } from '../../src/evidence/keys.ts'
import { isSignedBy } from '../../src/evidence/signed.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, refusal, type TestDatabase } from '../helpers/database.ts'
import { applyPolicy, rowsOf } from '../helpers/engine.ts'
import { approvedErasure, execute } from '../helpers/executions.ts'
import { MUSIC_KEPT, MUSIC_SQL, musicPolicy } from '../helpers/music.ts'

let db: TestDatabase
let folder: string
let request: number
let certificate: Certificate

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lethe-certificate-'))
  db = await createDatabase()
  // What only maintenance removes is to remain.
  await db.query(`${MUSIC_SQL}; alter table music.customers set (autovacuum_enabled = off)`)
  await applyPolicy(db, musicPolicy(MUSIC_KEPT))
  await db.query('analyze')
  request = await approvedErasure(db, 'customer', 'north', '6')
  await expect(refusal(db.query(`select lethe.certify_request(${request})`))).resolves.toMatchObject({
    code: 'LE438',
  })
  await expect(refusal(db.query(`select lethe.certificate(${request})`))).resolves.toMatchObject({
    code: 'LE438',
  })
  expect(await execute(db, request)).toBe('executed')
  // Nothing is certified that nobody has looked for.
  expect(await refusal(db.query(`select lethe.certify_request(${request})`))).toMatchObject({ code: 'LE438' })
  await db.query(`select from lethe.scan_residue(array[${request}::bigint], true)`)
  await db.query(`delete from lethe.request_findings`)
  await db.query(
    `insert into lethe.request_findings (request_id, n, place, object, finding, rows) values (${request}, 1, 'table', 'music.tickets.body', 'e-mail address', 1)`,
  )
  await db.query(`select lethe.certify_request(${request})`)
  const pool = await openPool(db.url, { connectionsMax: 1 })
  certificate = await readCertificate(pool, request)
  await pool.end()
})
afterAll(async () => {
  await db?.drop()
  await rm(folder, { recursive: true, force: true })
})

it('says what was erased, kept, found and told, and what only time removes, and names nobody', () => {
  expect(certificate).toMatchObject({
    format: 1,
    number: 1,
    request,
    kind: 'erasure',
    controller: { name: 'north', time_zone: 'America/St_Johns' },
    anonymized: [
      {
        table: 'music.customers',
        place: 'live',
        rows: 1,
        columns: ['first_name', 'email', 'company', 'birth'],
      },
    ],
    cut: [{ table: 'music.tickets', place: 'live', rows: 2, columns: ['customer_id'] }],
    findings: [
      { place: 'table', object: 'music.tickets.body', finding: 'e-mail address', rows: 1, decision: null },
    ],
    recipients: [],
    ledger: null,
    root: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(certificate.retained[0]).toMatchObject({
    basis: 'Code de commerce L123-22',
    until: expect.stringMatching(/^20\d\d-\d\d-\d\d$/),
  })
  expect(certificate.remains).toEqual([
    expect.stringMatching(/^dead row versions until VACUUM of .*music\.customers/),
    expect.stringMatching(/^planner statistics until ANALYZE of .*music\.customers/),
    expect.stringContaining('write-ahead log'),
    'backups until they expire',
  ])
  for (const form of ['text', 'json'] as const)
    expect(writeCertificate(certificate, form)).not.toMatch(/c6@example|First 6|Road 6|Company 6/)
})

it('is one for each execution, and the same when it is asked for again', async () => {
  const [again] = await rowsOf<{ number: number }>(db, `select lethe.certify_request(${request}) as number`)
  expect(again!.number).toBe(1)
  expect(await rowsOf(db, 'select from lethe.certificates')).toHaveLength(1)
})

it('is signed, and no character of it can be changed', async () => {
  const { key } = await openSigningKey(join(folder, 'key'))
  for (const form of ['text', 'json'] as const) {
    const written = writeCertificate(certificate, form, key)
    const holds = (content: string): boolean => {
      try {
        return isSignedBy(readCertificateFile(content), key)
      } catch {
        return false
      }
    }
    expect(holds(written)).toBe(true)
    for (let at = 0; at < written.length; at += 7)
      expect(holds(written.slice(0, at) + (written[at] === '1' ? '2' : '1') + written.slice(at + 1))).toBe(
        false,
      )
  }
})

it('is checked by lethe verify against its key and the database', async () => {
  const { key } = await openSigningKey(join(folder, 'key'))
  const check = async (content: string): ReturnType<typeof lethe> => {
    const path = join(folder, 'document')
    await writeFile(path, content)
    return lethe(['verify', '--receipt', path, '--public-key', join(folder, 'key.pub')], {
      databaseUrl: db.url,
    })
  }
  for (const form of ['text', 'json'] as const) {
    const sound = await check(writeCertificate(certificate, form, key))
    expect(sound.code, sound.stderr).toBe(0)
    const other = await check(writeCertificate({ ...certificate, erased: [] }, form, key))
    expect(other.code).not.toBe(0)
    expect(other.stdout).toContain(`says otherwise about request ${request}`)
  }
})

it('is sealed: an alteration is refused, and found where somebody disabled what refuses it', async () => {
  expect((await rowsOf(db, `select from lethe.verify_evidence() where severity = 'error'`)).length).toBe(0)
  const alter = `update lethe.certificates set document = jsonb_set(document, '{erased}', '[]') where request_id = ${request}`
  await expect(refusal(db.query(alter))).resolves.toMatchObject({ code: 'LE801' })
  await db.query(`alter table lethe.certificates disable trigger refuse_sealed; ${alter}`)
  expect(
    await rowsOf(db, `select object from lethe.verify_evidence() where severity = 'error'`),
  ).toContainEqual({
    object: expect.stringContaining('lethe.certificates'),
  })
})
