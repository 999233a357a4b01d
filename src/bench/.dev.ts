import { openServer } from '/work/main/src/bench/server.ts'
import { fillContacts, fillOrders } from '/work/main/src/bench/data.ts'
import pg from 'pg'
import { writeFileSync } from 'node:fs'
const s = await openServer({ migrationsFolder: '/tmp/benchmig' })
const t1 = await s.template('partial', fillContacts(1_000_000, 'partial'))
const t2 = await s.template('masked', async (d) => { await fillContacts(1_000_000,'partial')(d); await d.query('analyze'); await d.query('set client_min_messages=warning'); await d.query('call lethe.run_cycle()') })
const c = await s.connect('postgres'); const r = await c.query("select current_setting('port') p"); await c.end()
writeFileSync('/tmp/devserver.env', `PORT=${r.rows[0].p}\nT1=${t1}\nT2=${t2}\nPID=${process.pid}\n`)
console.log(r.rows[0].p, t1, t2)
process.once('SIGTERM', () => void s.close().finally(() => process.exit(0)))
setInterval(() => {}, 1000)
