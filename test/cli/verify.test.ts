import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWorker } from '../../src/worker.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { makeLibrary, memoryLog, SECRET, until } from '../tasks/library.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lethe-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('lethe verify', () => {
  let db: TestDatabase
  let databaseUrl: string
  const file = (): string => join(folder, 'anchor.jsonl')
  const run = (anchor?: string) =>
    lethe(['run', '--json'], { databaseUrl, env: anchor ? { LETHE_ANCHOR: anchor } : {} })
  const attack = (text: string): Promise<unknown> =>
    db.query(`set session_replication_role = replica; ${text}; set session_replication_role = origin`)

  beforeAll(async () => {
    db = await createDatabase()
    databaseUrl = (await db.asRole('lethe_owner')).url
  })
  afterAll(() => db.drop())

  // One story, told in order.

  it('has nothing to say of an empty database', async () => {
    const { code, stdout } = await lethe(['verify'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout).toContain('There is no controller yet')
  })

  it('says that nothing is sealed before the first cycle', async () => {
    await makeLibrary(db)
    const { code, stdout } = await lethe(['verify'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout).toMatch(/north +warning +chain +nothing is sealed yet/)
    expect(stdout).toContain('as far as said above')
  })

  it('ends with 0 on a sound chain without an anchor, and says what that does not prove', async () => {
    expect((await run()).code).toBe(0)
    const { code, stdout } = await lethe(['verify'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout).toMatch(/north +warning +anchor +the tail is not anchored: without an anchor/)
    expect(stdout).toMatch(/north +info +chain +sound: 1 seal over \d+ rows/)
  })

  it('ends with 0, and says how far the anchor reaches, when seals are newer than it', async () => {
    const anchored = await run(file())
    expect(anchored.code).toBe(0)
    expect(anchored.rows().filter((row) => row.anchor === file())).toMatchObject([
      { controller: 'north', seal: 2 },
      { controller: 'south', seal: 2 },
    ])
    expect((await lethe(['verify', '--anchor', file()], { databaseUrl })).stdout).toContain(
      '✓ the evidence is as it was sealed\n',
    )
    await run()
    const { code, stdout } = await lethe(['verify'], { databaseUrl, env: { LETHE_ANCHOR: file() } })
    expect(code).toBe(0)
    expect(stdout).toContain('the tail is not anchored: the anchor ends at seal 2, the chain at 3')
  })

  it('appends: what is in the anchor stays in it', async () => {
    const before = await readFile(file(), 'utf8')
    await writeFile(file(), `${before}{"torn": `)
    await run(file())
    const after = await readFile(file(), 'utf8')
    expect(after.startsWith(`${before}{"torn": \n{`)).toBe(true)
    expect(after.split('\n')).toHaveLength(6)
    expect(await lethe(['verify', '--anchor', file()], { databaseUrl })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/error +anchor, line 3 +cannot be read/),
    })
    await writeFile(file(), after.replace('{"torn": \n', ''))
  })

  it('writes a file for each head into a folder, once and never over another', async () => {
    const worm = join(folder, 'worm')
    await mkdir(worm)
    await run(worm)
    const names = await readdir(worm)
    expect(names.sort()).toEqual([
      expect.stringMatching(/^north-00000005-[0-9a-f]{16}\.json$/),
      expect.stringMatching(/^south-00000005-[0-9a-f]{16}\.json$/),
    ])
    await chmod(join(worm, names[0]!), 0o444)
    await run(worm)
    expect(await readdir(worm)).toHaveLength(4)
    expect(await lethe(['verify', '--anchor', worm], { databaseUrl })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('✓ the evidence is as it was sealed\n'),
    })
    await rm(join(worm, names[0]!))
    await writeFile(join(worm, names[0]!), '')
    const { code, stdout } = await lethe(['verify', '--anchor', worm], { databaseUrl })
    expect(code).toBe(1)
    expect(stdout).toMatch(/error +anchor, north-00000005-[0-9a-f]{16}\.json +cannot be read/)
  })

  it('is anchored by the worker too', async () => {
    const log = memoryLog()
    const path = join(folder, 'by-worker.jsonl')
    await attack(`update lethe.cycles set local_date = local_date - 3, covers_since = covers_since - 3`)
    await attack('delete from lethe.sealed_rows; delete from lethe.seals; delete from lethe.receipts')
    process.env.LETHE_ANCHOR = path
    const worker = await startWorker({
      databaseUrl: (await db.asRole('lethe_worker')).url,
      logger: log.logger,
    })
    try {
      await until(async () => (await readFile(path, 'utf8').catch(() => '')).split('\n').length > 2)
    } finally {
      delete process.env.LETHE_ANCHOR
      await worker.stop()
    }
    expect(log.lines.filter((line) => line.includes('is anchored'))).toHaveLength(2)
    expect((await lethe(['verify', '--anchor', path], { databaseUrl })).code).toBe(0)
  })

  it('ends with 1 when the anchor is of a chain that was made anew; run does not add to it', async () => {
    const { code, stdout, stderr } = await lethe(['verify', '--anchor', file()], { databaseUrl })
    expect(code).toBe(1)
    expect(stdout).toContain('anchored in another chain than this')
    expect(stderr).toMatch(/\d+ errors: see above/)
    const before = await readFile(file(), 'utf8')
    const again = await run(file())
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('"code":"LE803"')
    expect(await readFile(file(), 'utf8')).toBe(before)
  })

  it('ends with 1 when one figure was changed, and names its row', async () => {
    await attack(
      `update lethe.evidence set done = done + 1 where table_name = 'library.notes' and cycle_id = 1`,
    )
    const { code, stdout, stderr } = await lethe(['verify', '--json', '--controller', 'north'], {
      databaseUrl,
    })
    expect(code).toBe(1)
    expect(JSON.parse(stdout.split('\n')[0]!)).toEqual({
      controller: 'north',
      severity: 'error',
      object: 'lethe.evidence [1, "library.notes", "body: anonymize"]',
      finding: 'was altered after seal 1',
    })
    expect(stderr).toBe('')
    expect((await lethe(['verify', '--controller', 'south'], { databaseUrl })).code).toBe(0)
    await attack(
      `update lethe.evidence set done = done - 1 where table_name = 'library.notes' and cycle_id = 1`,
    )
    expect((await lethe(['verify'], { databaseUrl })).code).toBe(0)
  })

  it('ends with 2 when it cannot look', async () => {
    for (const [args, code] of [
      [['verify', '--anchor', join(folder, 'nowhere')], 'LE803'],
      [['verify', '--controller', 'west'], 'LE101'],
    ] as const) {
      const outcome = await lethe([...args], { databaseUrl })
      expect(outcome.code).toBe(2)
      expect(outcome.stderr).toContain(`[${code}]`)
    }
    const nobody = await lethe(['verify'], { databaseUrl: (await db.asRole('lethe_auditor')).url })
    expect(nobody.code).toBe(2)
    expect(nobody.stderr).toContain('[LE502]')
  })

  it('a cycle is complete though its anchor cannot be written, and run says so with 1', async () => {
    const { code, stdout, stderr } = await run(join(folder, 'no', 'such', 'folder'))
    expect(code).toBe(1)
    expect(stdout).toContain('"state":"complete"')
    expect(stderr).toContain('cannot be written: it is not there, or its folder is not')
  })
})

describe('lethe receipt', () => {
  let db: TestDatabase
  let databaseUrl: string
  const key = (): string => join(folder, 'signing.pem')
  const signed = (args: string[]) =>
    lethe(['receipt', ...args], { databaseUrl, env: { LETHE_SIGNING_KEY: key() } })
  const check = async (text: string, args: string[], url?: string) => {
    const path = join(folder, 'receipt')
    await writeFile(path, text)
    return lethe(['verify', '--receipt', path, ...args], url ? { databaseUrl: url } : {})
  }
  let text: string
  let json: string

  beforeAll(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    databaseUrl = (await db.asRole('lethe_owner')).url
    await lethe(['run'], { databaseUrl })
  })
  afterAll(() => db.drop())

  it('says what was due, done and left, under which policy and seal; and nobody’s data', async () => {
    const { code, stdout } = await lethe(['receipt', '--controller', 'north'], { databaseUrl })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^# Receipt of cycle 1 of north\n/)
    expect(stdout).toMatch(/\| library\.readers +\| email: anonymize +\| +150 \| +150 \| +0 \|/)
    expect(stdout).toContain('- library.readers, email: anonymize by pseudonym_email, P3Y after seen_at\n')
    const [seal] = await db.query(
      `select s.number, s.hash from lethe.seals as s join lethe.controllers as c on c.id = s.controller_id where c.name = 'north'`,
    )
    expect(stdout).toContain(`- Seal: ${seal!.number}, ${seal!.hash}\n`)
    expect(stdout).toMatch(/\nThis receipt is not signed\.\n$/)
    expect(stdout).not.toContain(SECRET)
  })

  it('is signed with a key that is made at first use, for its owner’s eyes only', async () => {
    const first = await signed(['1'])
    expect(first.stderr).toContain(`made the signing key ${key()}`)
    expect((await stat(key())).mode & 0o777).toBe(0o600)
    expect(await readFile(`${key()}.pub`, 'utf8')).toContain('BEGIN PUBLIC KEY')
    const second = await signed(['1'])
    expect(second.stderr).toBe('')
    expect(second.stdout).toBe(first.stdout)
    text = first.stdout
    json = (await signed(['1', '--json'])).stdout
    expect(json.split('\n')).toHaveLength(2)
    expect(JSON.parse(json)).toMatchObject({
      receipt: { controller: { name: 'north' }, rules: expect.any(Array), seal: { number: 1 } },
      signature: { algorithm: 'Ed25519' },
    })
  })

  it('is checked with the public key alone, and against the database', async () => {
    for (const receipt of [text, json]) {
      const alone = await check(receipt, ['--public-key', `${key()}.pub`])
      expect(alone.code).toBe(0)
      expect(alone.stdout).toMatch(/info +signature +made by the key sha256:[0-9a-f]{64}/)
      expect(alone.stdout).toContain('not compared with the evidence')
      const compared = await check(receipt, ['--public-key', `${key()}.pub`], databaseUrl)
      expect(compared.code).toBe(0)
      expect(compared.stdout).toMatch(/info +database +has the same figures, under seal 1/)
      expect((await check(receipt, [], databaseUrl)).stdout).toContain('no public key was given')
    }
  })

  it('fails when one character was changed, wherever it is', async () => {
    const { createPublicKey } = await import('node:crypto')
    const { readReceiptFile } = await import('../../src/evidence/receipt.ts')
    const { isSignedBy } = await import('../../src/evidence/signed.ts')
    const publicKey = createPublicKey(await readFile(`${key()}.pub`))
    const holds = (receipt: string): boolean => {
      try {
        return isSignedBy(readReceiptFile(receipt), publicKey)
      } catch (error) {
        expect(error).toMatchObject({ code: 'LE805' })
        return false
      }
    }
    for (const receipt of [text, json]) {
      expect(holds(receipt)).toBe(true)
      for (let at = 0; at < receipt.length; at += 1) {
        const other = receipt[at] === '1' ? '2' : '1'
        expect(holds(receipt.slice(0, at) + other + receipt.slice(at + 1)), `${at}`).toBe(false)
        expect(holds(receipt.slice(0, at) + receipt.slice(at + 1)), `${at}`).toBe(false)
      }
      for (const more of [' ', '\n', text, json]) {
        expect(holds(receipt + more)).toBe(false)
        expect(holds(more + receipt)).toBe(false)
      }
    }
    const changed = await check(text.replace('| 150 |', '| 151 |').replace(' 150 |', ' 151 |'), [
      '--public-key',
      `${key()}.pub`,
    ])
    expect(changed.code).toBe(1)
    expect(changed.stdout).toContain('was not made by this key over this text')
  })

  it('fails against a database that says otherwise, or has no such cycle', async () => {
    const unsigned = (await lethe(['receipt', '1'], { databaseUrl })).stdout
    expect((await check(unsigned, [], databaseUrl)).code).toBe(0)
    const changed = await check(unsigned.replace(' 150 |', ' 151 |'), [], databaseUrl)
    expect(changed.code).toBe(1)
    expect(changed.stdout).toContain('says otherwise about cycle 1')
    const missing = await check(unsigned.replace('cycle 1 of', 'cycle 99 of'), [], databaseUrl)
    expect(missing.code).toBe(1)
    expect(missing.stdout).toContain('there is no receipt of cycle 99')
  })

  it('fails with another key, and unsigned where a key is given', async () => {
    const other = join(folder, 'other.pem')
    await lethe(['receipt', '1'], { databaseUrl, env: { LETHE_SIGNING_KEY: other } })
    expect((await check(text, ['--public-key', `${other}.pub`])).code).toBe(1)
    const unsigned = (await lethe(['receipt', '1'], { databaseUrl })).stdout
    const { code, stdout } = await check(unsigned, ['--public-key', `${other}.pub`])
    expect(code).toBe(1)
    expect(stdout).toContain('the receipt is not signed')
  })

  it('ends with 2 for what it cannot do', async () => {
    await chmod(key(), 0o644)
    for (const [outcome, code] of [
      [await signed(['1']), 'LE804'],
      [await lethe(['receipt', '99'], { databaseUrl }), 'LE802'],
      [await lethe(['receipt', 'x'], { databaseUrl }), 'LE607'],
      [await lethe(['receipt'], { databaseUrl }), 'LE607'],
      [await check('a letter', [], databaseUrl), 'LE805'],
      [await check(text, []), 'LE805'],
      [await check(text, ['--public-key', join(folder, 'receipt')]), 'LE804'],
    ] as const) {
      expect(outcome.code).toBe(2)
      expect(outcome.stderr).toContain(`[${code}]`)
      expect(outcome.stderr).toContain('hint:')
    }
  })

  it('of an incomplete cycle says what was not done, and why', async () => {
    await db.query(
      `revoke update on library.notes from lethe_sweeper; update library.notes set body = 'again'`,
    )
    expect((await lethe(['run', '--controller', 'south'], { databaseUrl })).code).toBe(1)
    const { stdout } = await lethe(['receipt', '--controller', 'south'], { databaseUrl })
    expect(stdout).toContain('- Outcome: INCOMPLETE\n')
    expect(stdout).toContain('- library.notes: failed, SQLSTATE 42501\n')
    expect((await lethe(['verify'], { databaseUrl })).code).toBe(0)
  })
})
