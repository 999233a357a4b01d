/** A process of its own that runs a cycle as psql would, so that it can be killed: `node cycle-client.ts URL`. */
import pg from 'pg'

const client = new pg.Client(process.argv[2])
client.on('error', () => process.exit(3))
await client.connect()
process.stdout.write('ready\n')
await client.query('call lethe.run_cycle()')
await client.end()
