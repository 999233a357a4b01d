/**
 * Writes holds and restrictions to the ledger, where there is one: whoever places them, from psql as well, need not
 * think of it.
 */
import { startPayload, task } from '../src/jobs.ts'
import { shipHolds } from '../src/ledger/holds.ts'
import { ledgerOfEnvironment } from '../src/ledger/ledger.ts'

export default task(startPayload, async (_payload, helpers) => {
  const ledger = await ledgerOfEnvironment()
  if (!ledger) return
  const shipped = await helpers.withPgClient((session) => shipHolds(session, ledger))
  if (shipped > 0) helpers.logger.info(`${shipped} entries about holds are in the ledger`)
})
