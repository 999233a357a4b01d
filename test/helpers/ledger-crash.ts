/**
 * A process of its own that executes a request with the ledger and kills itself at a point:
 * `node ledger-crash.ts URL FOLDER KEYFILE REQUEST POINT`. Points: `before X` and `after X`, X being an event, and
 * `within`: while the database is at it.
 */
import pg from 'pg'
import { executeLedgered } from '../../src/ledger/execute.ts'
import { openLedger } from '../../src/ledger/ledger.ts'

const [url = '', folder = '', keyFile = '', request, point] = process.argv.slice(2)
const ledger = await openLedger({ folder, keyFile, term: 'P1Y' })
const append = ledger.append.bind(ledger)
const die = (): void => process.kill(process.pid, 'SIGKILL') as never

ledger.append = async (draft) => {
  if (point === `before ${draft.event}`) die()
  const entry = await append(draft)
  if (point === `after ${draft.event}`) die()
  if (point === 'within' && draft.event === 'erasure intent') setTimeout(die, 300)
  return entry
}
const client = new pg.Client(url)
client.on('error', () => process.exit(3))
await client.connect()
await executeLedgered(client, Number(request), { ledger })
await client.end()
