/** One session, as commands and the worker use the ledger. */
import { openWorkerPool, type Queryable } from '../db/cycle.ts'
import { toLetheError } from '../db/errors.ts'
import { readLedgerState } from '../db/ledger.ts'
import { LetheError } from '../errors.ts'
import { assertOpen, standingOf } from './gate.ts'
import { shipHolds } from './holds.ts'
import { ledgerOfEnvironment } from './ledger.ts'

/** Calls `work` with a session of its own, as lethe_worker or, where the login is none, as an owner. */
export async function withSession<Result>(
  databaseUrl: string,
  work: (db: Queryable) => Promise<Result>,
): Promise<Result> {
  const pool = openWorkerPool(databaseUrl, 1, { orOwner: true })
  try {
    const db = await pool.connect()
    try {
      return await work(db)
    } finally {
      // Its locks go with it.
      db.release(true)
    }
  } catch (error) {
    throw toLetheError(error, databaseUrl)
  } finally {
    await pool.end()
  }
}

/**
 * Before a worker or a cycle begins: the database is as new as its ledger, and its holds are written there.
 *
 * @throws LetheError LE451 (restored, and not replayed), LE452 to LE456.
 */
export async function passGate(db: Queryable): Promise<void> {
  const ledger = await ledgerOfEnvironment()
  if (ledger) await shipHolds(db, ledger)
  else await assertNoneRequired(db)
}

/** The same for who may only look, such as the API. @throws LetheError LE451 to LE456. */
export async function lookThroughGate(db: Queryable): Promise<void> {
  const ledger = await ledgerOfEnvironment()
  if (!ledger) return assertNoneRequired(db)
  // A database that never had a ledger is as new as one that is empty.
  if ((await readLedgerState(db)).ledger === null && (await ledger.last()) === undefined) return
  assertOpen(await standingOf(db, ledger))
}

async function assertNoneRequired(db: Queryable): Promise<void> {
  const { required, replaying } = await readLedgerState(db)
  if (!required && !replaying) return
  throw new LetheError(
    required
      ? 'this database requires a ledger, and none is named'
      : 'a replay of the ledger has begun and not ended',
    {
      code: required ? 'LE454' : 'LE451',
      hint: 'set LETHE_LEDGER and LETHE_LEDGER_KEYS',
    },
  )
}
