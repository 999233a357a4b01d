/**
 * A process of its own that executes requests with the ledger and kills itself at a point:
 * `node ledger-crash.ts URL FOLDER KEYFILE REQUEST[,REQUEST…] POINT`. Points: `before X` and `after X`, X being an
 * event (of several requests with its number: `erasure intent 2`), and `within`: while the database is at it.
 */
import pg from 'pg'
import { executeLedgered, executeManyLedgered } from '../../src/ledger/execute.ts'
import { openLedger } from '../../src/ledger/ledger.ts'

const [url = '', folder = '', keyFile = '', given = '', point] = process.argv.slice(2)
const requests = given.split(',').map(Number)
const ledger = await openLedger({ folder, keyFile, term: 'P1Y' })
const append = ledger.append.bind(ledger)
const die = (): void => process.kill(process.pid, 'SIGKILL') as never
const written = new Map<string, number>()

ledger.append = async (draft) => {
  const nth = (written.get(draft.event) ?? 0) + 1
  written.set(draft.event, nth)
  const name = requests.length > 1 ? `${draft.event} ${nth}` : draft.event
  if (point === `before ${name}`) die()
  const entry = await append(draft)
  if (point === `after ${name}`) die()
  if (point === 'within' && draft.event === 'erasure intent' && nth === requests.length) setTimeout(die, 300)
  return entry
}
const client = new pg.Client(url)
client.on('error', () => process.exit(3))
await client.connect()
if (requests.length > 1) await executeManyLedgered(client, requests, ledger)
else await executeLedgered(client, requests[0]!, { ledger })
await client.end()
