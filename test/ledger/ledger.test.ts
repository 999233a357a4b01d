import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { LetheError } from '../../src/errors.ts'
import { digestOf, type Entry, hashOf } from '../../src/ledger/entry.ts'
import { openLedgerKeys, rotateLedgerKey } from '../../src/ledger/keys.ts'
import { addTerm, type Ledger, openLedger } from '../../src/ledger/ledger.ts'

const HASH = 'ab'.repeat(32)

let home: string
let made = 0

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lethe-ledger-'))
})
afterAll(() => rm(home, { recursive: true }))

async function newLedger(term = 'P1Y'): Promise<Ledger> {
  made += 1
  const folder = join(home, `ledger${made}`)
  await mkdir(folder)
  return openLedger({ folder, keyFile: join(home, `keys${made}.json`), term })
}

async function filled(count: number): Promise<Ledger> {
  const ledger = await newLedger()
  await ledger.append({ event: 'opened' })
  for (let n = 2; n <= count; n++) {
    await ledger.append({
      event: 'erasure intent',
      controller: 'north',
      request: n,
      received_at: '2026-11-24T10:00:00.000000Z',
      subject: 'contact',
      data: { roots: [HASH], identifiers: [] },
    })
  }
  return ledger
}

const fileOf = (ledger: Ledger, number: number): string =>
  join(ledger.folder, `${String(number).padStart(12, '0')}.json`)

const readEntry = async (ledger: Ledger, number: number): Promise<Entry> =>
  JSON.parse(await readFile(fileOf(ledger, number), 'utf8'))

const writeEntry = (ledger: Ledger, number: number, entry: object): Promise<void> =>
  writeFile(fileOf(ledger, number), `${JSON.stringify(entry)}\n`)

/** The refusal of a promise, as code and sentence. */
async function refused(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(LetheError)
  const { code, message } = error as LetheError
  return { code, message }
}

describe('the chain', () => {
  it('has each entry follow on the one before', async () => {
    const ledger = await filled(4)
    const entries = await ledger.since(0)
    expect(entries.map(({ number }) => number)).toEqual([1, 2, 3, 4])
    expect(entries.slice(1).map(({ previous }) => previous)).toEqual(
      entries.slice(0, 3).map(({ hash }) => hash),
    )
    expect(await ledger.id()).toBe(entries[0]!.previous)
    expect((await ledger.since(2, entries[1]!.hash)).map(({ number }) => number)).toEqual([3, 4])
  })

  it('finds whatever was altered in any entry, and names it', async () => {
    const ledger = await filled(5)
    const values: Partial<Record<keyof Entry, unknown>> = {
      at: '2020-01-01T00:00:00.000Z',
      event: 'erasure abandoned',
      controller: 'south',
      request: 99,
      received_at: '2020-01-01T00:00:00.000000Z',
      hold: 3,
      of: 1,
      subject: 'employee',
      key_version: 2,
      key_check: 'x',
      until: '2020-01-01',
      basis: 'none',
      digest: HASH,
      previous: HASH,
      hash: HASH,
      data: { roots: [], identifiers: [] },
    }
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom(...(Object.keys(values) as (keyof Entry)[])),
        async (number, field) => {
          const entry = await readEntry(ledger, number)
          await writeEntry(ledger, number, { ...entry, [field]: values[field] })
          expect(await refused(ledger.since(0))).toMatchObject({
            code: 'LE453',
            message: expect.stringContaining(`entry ${number} `),
          })
          await writeEntry(ledger, number, entry)
          expect(await ledger.since(0)).toHaveLength(5)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('finds an entry that was altered and hashed anew, by the one after it', async () => {
    const ledger = await filled(4)
    const { hash: _, data, ...head } = await readEntry(ledger, 3)
    const forged = { ...head, controller: 'south' }
    await writeEntry(ledger, 3, { ...forged, hash: hashOf(forged), data })
    expect(await refused(ledger.since(0))).toEqual({
      code: 'LE453',
      message: `the ledger ${ledger.folder} is broken: entry 4 does not follow on the entry before it`,
    })
  })

  it('finds the last entry altered and hashed anew, or cut off, by what the database remembers', async () => {
    const ledger = await filled(4)
    const last = await readEntry(ledger, 4)
    const { hash: _, data, ...head } = last
    const forged = { ...head, controller: 'south' }
    await writeEntry(ledger, 4, { ...forged, hash: hashOf(forged), data })
    expect(await refused(ledger.since(4, last.hash))).toMatchObject({ code: 'LE453' })
    await rm(fileOf(ledger, 4))
    expect(await refused(ledger.since(4, last.hash))).toMatchObject({
      code: 'LE453',
      message: expect.stringContaining('entry 4 is not there'),
    })
    await writeEntry(ledger, 4, last)
    expect(await ledger.since(4, last.hash)).toEqual([])
  })

  it('finds entries that were removed or swapped', async () => {
    const ledger = await filled(5)
    await rename(fileOf(ledger, 3), join(home, 'kept'))
    const removed = { code: 'LE453', message: expect.stringContaining('entry 3 is not there') }
    expect(await refused(ledger.since(0))).toMatchObject(removed)
    // Nothing is added to it by whoever opens it.
    const opened = await openLedger({ folder: ledger.folder, keyFile: ledger.keys.path, term: 'P1Y' })
    expect(await refused(opened.append({ event: 'replayed' }))).toMatchObject(removed)
    await rename(join(home, 'kept'), fileOf(ledger, 3))

    await rename(fileOf(ledger, 2), join(home, 'kept'))
    await rename(fileOf(ledger, 3), fileOf(ledger, 2))
    await rename(join(home, 'kept'), fileOf(ledger, 3))
    expect(await refused(ledger.since(0))).toMatchObject({
      code: 'LE453',
      message: expect.stringContaining('entry 2 calls itself entry 3'),
    })
    await rename(fileOf(ledger, 2), join(home, 'kept'))
    await rename(fileOf(ledger, 3), fileOf(ledger, 2))
    await rename(join(home, 'kept'), fileOf(ledger, 3))
    expect(await ledger.since(0)).toHaveLength(5)
  })

  it('finds what is no entry', async () => {
    const ledger = await filled(3)
    for (const text of ['', '{', '[]', '{"number": 2}']) {
      const kept = await readFile(fileOf(ledger, 2), 'utf8')
      await writeFile(fileOf(ledger, 2), text)
      expect(await refused(ledger.since(0))).toMatchObject({
        code: 'LE453',
        message: expect.stringContaining('entry 2 is no entry'),
      })
      await writeFile(fileOf(ledger, 2), kept)
    }
    expect(await ledger.since(0)).toHaveLength(3)
  })
})

describe('several writers', () => {
  it('get a number each, one after the other', async () => {
    const ledger = await newLedger()
    const other = await openLedger({
      folder: ledger.folder,
      keyFile: ledger.keys.path,
      term: 'P1Y',
    })
    await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        (n % 2 ? ledger : other).append({ event: 'erasure intent', request: n + 1 }),
      ),
    )
    const entries = await ledger.since(0)
    expect(entries).toHaveLength(24)
    expect(new Set(entries.map(({ request }) => request)).size).toBe(24)
  })

  it('may be killed: what is there is whole', async () => {
    const ledger = await newLedger()
    const writer = fileURLToPath(new URL('../helpers/ledger-writer.ts', import.meta.url))
    for (let round = 0; round < 4; round++) {
      const children = [0, 1].map(() =>
        spawn(process.execPath, [writer, ledger.folder, ledger.keys.path], {
          stdio: ['ignore', 'pipe', 'inherit'],
        }),
      )
      const written = children.map(async (child) => {
        let count = 0
        for await (const chunk of child.stdout!.setEncoding('utf8')) {
          count += String(chunk).split('\n').filter(Boolean).length
          if (count >= 6) child.kill('SIGKILL')
        }
        return count
      })
      await Promise.all(children.map((child) => once(child, 'close')))
      const counts = await Promise.all(written)
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(6)
      expect((await ledger.since(0)).length).toBeGreaterThanOrEqual((round + 1) * 12)
    }
    // And who comes after goes on from there.
    const { length } = await ledger.since(0)
    expect((await ledger.append({ event: 'replayed' })).number).toBe(length + 1)
  })
})

describe('the keys', () => {
  it('are made at the first use, for their owner alone', async () => {
    const ledger = await newLedger()
    expect((await stat(ledger.keys.path)).mode & 0o777).toBe(0o600)
    expect(ledger.keys.newest.version).toBe(1)
  })

  it('are refused when others may read them', async () => {
    const ledger = await newLedger()
    await chmod(ledger.keys.path, 0o640)
    const opening = () => openLedgerKeys(ledger.keys.path, { make: false })
    expect(await refused(opening())).toMatchObject({
      code: 'LE455',
      message: expect.stringContaining('open to others'),
    })
    await chmod(ledger.keys.path, 0o600)
    expect((await opening()).newest.version).toBe(1)
  })

  it('are not made anew for a ledger that has entries', async () => {
    const ledger = await filled(2)
    const place = { folder: ledger.folder, keyFile: ledger.keys.path, term: 'P1Y' }
    await rename(ledger.keys.path, `${ledger.keys.path}.kept`)
    expect(await refused(openLedger(place))).toMatchObject({
      code: 'LE455',
      message: expect.stringContaining('it is not there'),
    })
    await rename(`${ledger.keys.path}.kept`, ledger.keys.path)
    expect(await (await openLedger(place)).since(0)).toHaveLength(2)
  })

  it('rotate: new entries bear the new version, old ones are still read', async () => {
    const ledger = await newLedger()
    const before = await ledger.append({
      event: 'hold',
      data: { roots: [], identifiers: [], sealed: ledger.keys.newest.seal('case 1') },
    })
    expect(await rotateLedgerKey(ledger.keys.path)).toBe(2)
    const rotated = await openLedger({ folder: ledger.folder, keyFile: ledger.keys.path, term: 'P1Y' })
    const after = await rotated.append({ event: 'replayed' })
    expect([before.key_version, after.key_version]).toEqual([1, 2])
    expect(after.key_check).not.toBe(before.key_check)
    expect(rotated.keys.of(before).unseal(before.data!.sealed!)).toBe('case 1')
    expect(rotated.keys.of(before).pads.equals(rotated.keys.of(after).pads)).toBe(false)
    // One who was there before knows the version it began with alone.
    expect(await refused(Promise.resolve().then(() => ledger.keys.of(after)))).toMatchObject({
      code: 'LE455',
    })
  })

  it('tell a key of the same number that is another', async () => {
    const ledger = await filled(2)
    const other = await newLedger()
    const [, entry] = await ledger.since(0)
    expect(await refused(Promise.resolve().then(() => other.keys.of(entry!)))).toMatchObject({
      code: 'LE455',
      message: expect.stringContaining('is not the one that entry 2'),
    })
    expect(ledger.keys.of(entry!).version).toBe(1)
  })
})

describe('the term', () => {
  it('is counted by the calendar', () => {
    const from = new Date('2026-01-31T12:00:00Z')
    expect(['P1D', 'P2W', 'P1M', 'P13M', 'P1Y'].map((term) => addTerm(from, term))).toEqual([
      '2026-02-01',
      '2026-02-14',
      '2026-02-28',
      '2027-02-28',
      '2027-01-31',
    ])
  })

  it('is refused when it is none', async () => {
    for (const term of ['1 year', 'P', 'PT1H', 'P1Y2M', '']) {
      expect(await refused(Promise.resolve().then(() => addTerm(new Date(), term)))).toMatchObject({
        code: 'LE301',
      })
    }
  })

  it('ends with blank data and a chain that holds', async () => {
    const ledger = await filled(4)
    expect(await ledger.prune()).toBe(0)
    vi.useFakeTimers({ now: Date.now() + 367 * 86_400_000, toFake: ['Date'] })
    try {
      expect(await ledger.prune()).toBe(3)
      const entries = await ledger.since(0)
      expect(entries.map(({ data }) => data !== undefined)).toEqual([true, false, false, false])
      expect(await readFile(fileOf(ledger, 2), 'utf8')).not.toContain(HASH)
      expect((await ledger.append({ event: 'replayed' })).number).toBe(5)
      expect(await ledger.prune()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not let data be blanked before it is over', async () => {
    const ledger = await filled(3)
    const { data: _, ...blank } = await readEntry(ledger, 2)
    await writeEntry(ledger, 2, blank)
    expect(await refused(ledger.since(0))).toMatchObject({
      code: 'LE453',
      message: expect.stringContaining('entry 2 was blanked before its term was over'),
    })
  })
})

describe('a folder that cannot be written', () => {
  it('is said, and nothing is left in it', async () => {
    const ledger = await filled(2)
    if (process.getuid?.() === 0) {
      // Root may write anywhere: a folder that is gone stands for it.
      await rename(ledger.folder, `${ledger.folder}.gone`)
    } else await chmod(ledger.folder, 0o500)
    expect(await refused(ledger.append({ event: 'replayed' }))).toMatchObject({ code: 'LE456' })
    if (process.getuid?.() === 0) await rename(`${ledger.folder}.gone`, ledger.folder)
    else await chmod(ledger.folder, 0o700)
    expect(await readdir(ledger.folder)).toHaveLength(2)
    expect((await ledger.append({ event: 'replayed' })).number).toBe(3)
  })
})

it('hashes what it says it hashes', async () => {
  const ledger = await filled(2)
  const [, entry] = await ledger.since(0)
  const { createHash } = await import('node:crypto')
  const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')
  expect(entry!.digest).toBe(sha256([entry!.data!.roots, entry!.data!.identifiers, null]))
  expect(digestOf(entry!.data!)).toBe(entry!.digest)
  expect(entry!.hash).toBe(
    sha256([
      entry!.number,
      entry!.at,
      entry!.event,
      entry!.controller,
      entry!.request,
      entry!.received_at,
      entry!.hold,
      entry!.of,
      entry!.subject,
      entry!.key_version,
      entry!.key_check,
      entry!.until,
      entry!.basis,
      entry!.digest,
      entry!.previous,
    ]),
  )
})
