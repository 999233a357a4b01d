/** A process of its own that adds to a ledger until it is killed: `node ledger-writer.ts FOLDER KEYFILE`. */
import { openLedger } from '../../src/ledger/ledger.ts'

const ledger = await openLedger({ folder: process.argv[2]!, keyFile: process.argv[3]!, term: 'P1Y' })
for (;;) process.stdout.write(`${(await ledger.append({ event: 'replayed' })).number}\n`)
