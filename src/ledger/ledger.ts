/**
 * The folder of the ledger: `000000000001.json` and so on, one entry a file, made once and not written again but
 * to blank what has expired. So it may be append-only (`chattr +a`), on a machine where the database's administrators
 * cannot write.
 *
 * A file appears whole and on disk, or not at all: it is written under another name and then linked, which fails
 * where the number is taken. That alone decides between several writers, on whatever hosts.
 */
import { randomBytes } from 'node:crypto'
import { link, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LetheError } from '../errors.ts'
import { type Draft, digestOf, type Entry, entrySchema, faultOf, hashOf } from './entry.ts'
import { type LedgerKeys, openLedgerKeys } from './keys.ts'

const BASIS = 'GDPR Art. 5(1)(f), 17: that a backup put back does not bring back who was forgotten'

/** Where a ledger is. */
export interface LedgerPlace {
  folder: string
  keyFile: string
  /** How long an entry points to a person: as long as the longest-lived backup. ISO 8601: whole days to years. */
  term: string
}

/** An open ledger. */
export class Ledger {
  readonly folder: string
  readonly keys: LedgerKeys
  readonly #term: string
  #counted = 0

  constructor({ folder, term }: LedgerPlace, keys: LedgerKeys) {
    this.folder = folder
    this.keys = keys
    this.#term = term
  }

  /**
   * Adds an entry at the end.
   *
   * @returns the entry, once it is on disk.
   * @throws LetheError LE453 (chain), LE456 (cannot be written).
   */
  async append(draft: Draft): Promise<Entry> {
    const key = this.keys.newest
    const { event, data = { roots: [], identifiers: [] } } = draft
    for (;;) {
      const last = await this.last()
      const at = new Date()
      const unhashed = {
        number: (last?.number ?? 0) + 1,
        at: at.toISOString(),
        event,
        controller: draft.controller ?? null,
        request: draft.request ?? null,
        received_at: draft.received_at ?? null,
        hold: draft.hold ?? null,
        of: draft.of ?? null,
        subject: draft.subject ?? null,
        key_version: key.version,
        key_check: key.check,
        until: addTerm(at, this.#term),
        basis: BASIS,
        digest: digestOf(data),
        previous: last?.hash ?? randomBytes(32).toString('hex'),
      }
      const entry = { ...unhashed, hash: hashOf(unhashed), data }
      if (await this.#write(entry)) return entry
    }
  }

  /** The last entry; undefined of a ledger that has none. @throws LetheError LE453, LE456. */
  async last(): Promise<Entry | undefined> {
    const count = await this.#count()
    return count === 0 ? undefined : this.#read(count, undefined)
  }

  /** One entry. @throws LetheError LE453, LE456. */
  async entry(number: number): Promise<Entry> {
    const count = await this.#count()
    if (number > count) throw broken(number, 'is not there', this.folder)
    return this.#read(number, undefined)
  }

  /** What names this ledger. Undefined while it has no entry. */
  async id(): Promise<string | undefined> {
    return (await this.#count()) === 0 ? undefined : (await this.#read(1, undefined)).previous
  }

  /**
   * The entries after a number, each checked to follow on the one before.
   *
   * @param hash - of entry `after`, where somebody remembers it.
   * @throws LetheError LE453, LE456.
   */
  async since(after: number, hash?: string): Promise<Entry[]> {
    const count = await this.#count()
    if (after > count) throw broken(after, 'is not there, though the database knows it', this.folder)
    let previous: string | undefined
    if (after > 0) {
      previous = (await this.#read(after, undefined)).hash
      if (hash !== undefined && previous !== hash)
        throw broken(after, 'is another one than the database knows', this.folder)
    }
    const entries: Entry[] = []
    for (let number = after + 1; number <= count; number++) {
      const entry = await this.#read(number, previous)
      entries.push(entry)
      previous = entry.hash
    }
    return entries
  }

  /**
   * Blanks the data of entries whose term is over; the chain still holds.
   *
   * @returns how many.
   * @throws LetheError LE453, LE456.
   */
  async prune(): Promise<number> {
    const expired = (await this.since(0)).filter(
      ({ until, data }) =>
        until < today() && data && (data.roots.length > 0 || data.identifiers.length > 0 || data.sealed),
    )
    for (const { data: _, ...blank } of expired) await this.#put(blank, rename)
    return expired.length
  }

  /** How many entries there are: their numbers have no gap. A long folder is listed once, and then looked beyond. */
  async #count(): Promise<number> {
    let count = this.#counted
    if (count === 0 || !(await exists(this.#path(count)))) count = await this.#list()
    while (await exists(this.#path(count + 1))) count += 1
    this.#counted = count
    return count
  }

  async #list(): Promise<number> {
    const numbers = (await readFolder(this.folder))
      .map((name) => Number(/^(\d{12})\.json$/.exec(name)?.[1] ?? 0))
      .filter((number) => number > 0)
      .sort((a, b) => a - b)
    const gap = numbers.findIndex((number, index) => number !== index + 1)
    if (gap < 0) return numbers.length
    // A folder that is written to while it is listed may show a later entry and not the one before.
    if (await exists(this.#path(gap + 1))) return this.#list()
    throw broken(gap + 1, 'is not there', this.folder)
  }

  async #read(number: number, previous: string | undefined): Promise<Entry> {
    let text: string
    try {
      text = await readFile(this.#path(number), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw broken(number, 'is not there', this.folder)
      throw failed(error, this.folder, 'read')
    }
    const entry = parse(text)
    if (!entry) throw broken(number, 'is no entry', this.folder)
    const fault = faultOf(entry, number, previous, today())
    if (fault) throw broken(number, fault, this.folder)
    return entry
  }

  /** @returns false when the number is taken. */
  async #write(entry: Entry): Promise<boolean> {
    try {
      await this.#put(entry, link)
      return true
    } catch (error) {
      const { cause } = error as { cause?: NodeJS.ErrnoException }
      if (cause?.code === 'EEXIST') return false
      throw error
    }
  }

  async #put(entry: Entry, place: (from: string, to: string) => Promise<void>): Promise<void> {
    const draft = join(this.folder, `.${randomBytes(8).toString('hex')}.draft`)
    try {
      await using file = await open(draft, 'wx', 0o640)
      await file.writeFile(`${JSON.stringify(entry)}\n`)
      await file.sync()
      await place(draft, this.#path(entry.number))
      await syncFolder(this.folder)
    } catch (error) {
      throw failed(error, this.folder, 'written')
    } finally {
      await unlink(draft).catch(() => undefined)
    }
  }

  #path(number: number): string {
    return join(this.folder, `${String(number).padStart(12, '0')}.json`)
  }
}

/** @throws LetheError LE455, LE456. */
export async function openLedger(place: LedgerPlace): Promise<Ledger> {
  const isNew = !(await readFolder(place.folder)).some((name) => name.endsWith('.json'))
  return new Ledger(place, await openLedgerKeys(place.keyFile, { make: isNew }))
}

/**
 * Where `LETHE_LEDGER`, `LETHE_LEDGER_KEYS` and `LETHE_LEDGER_TERM` say; undefined where there is none.
 *
 * @throws LetheError LE455, LE456, LE301 (term).
 */
export async function ledgerOfEnvironment(): Promise<Ledger | undefined> {
  const { LETHE_LEDGER: folder, LETHE_LEDGER_KEYS: keyFile, LETHE_LEDGER_TERM: term = 'P1Y' } = process.env
  if (!folder) return undefined
  if (!keyFile) {
    throw new LetheError('the ledger has no key file', {
      code: 'LE455',
      hint: 'set LETHE_LEDGER_KEYS to a path outside the ledger and outside the database; the file is made at first use',
    })
  }
  addTerm(new Date(), term)
  return openLedger({ folder, keyFile, term })
}

/** Today in UTC. */
export const today = (): string => new Date().toISOString().slice(0, 10)

/** The last day of a term. A month's last day stays one: what is too far is cut. @throws LetheError LE301. */
export function addTerm(from: Date, term: string): string {
  const [, count, unit] = /^P(\d{1,4})([DWMY])$/.exec(term) ?? []
  if (!count || !unit) {
    throw new LetheError(`the term of the ledger is not a delay: ${term}`, {
      code: 'LE301',
      hint: 'LETHE_LEDGER_TERM is as long as the longest-lived backup: P90D, P13M, P1Y',
    })
  }
  const n = Number(count)
  const last = new Date(from)
  if (unit === 'D' || unit === 'W') last.setUTCDate(last.getUTCDate() + n * (unit === 'W' ? 7 : 1))
  else {
    const day = last.getUTCDate()
    last.setUTCDate(1)
    last.setUTCMonth(last.getUTCMonth() + n * (unit === 'Y' ? 12 : 1))
    const days = new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth() + 1, 0)).getUTCDate()
    last.setUTCDate(Math.min(day, days))
  }
  return last.toISOString().slice(0, 10)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

async function readFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    throw failed(error, folder, 'read')
  }
}

function parse(text: string): Entry | undefined {
  try {
    return entrySchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** A new name survives a crash once its folder is on disk. Some network mounts cannot be asked for that. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync().catch((error: NodeJS.ErrnoException) => {
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EBADF'].includes(error.code ?? '')) throw error
  })
}

const broken = (number: number, fault: string, folder: string): LetheError =>
  new LetheError(`the ledger ${folder} is broken: entry ${number} ${fault}`, {
    code: 'LE453',
    hint: 'put the folder back from a copy of it, and find out who changed it',
  })

function failed(error: unknown, folder: string, what: 'read' | 'written'): LetheError {
  if (error instanceof LetheError) return error
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
  return new LetheError(`the ledger ${folder} cannot be ${what}: ${WHY[code] ?? code}`, {
    code: 'LE456',
    hint: 'nothing is erased that the ledger does not know; make the folder and see that it can be written',
    cause: error,
  })
}

const WHY: Record<string, string> = {
  ENOENT: 'it is not there',
  EACCES: 'permission denied',
  EPERM: 'permission denied, or a file system without hard links',
  ENOTSUP: 'a file system without hard links',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk is full',
  ENOTDIR: 'it is no folder',
}
