/**
 * What CI asks of an installed PostgreSQL 15 beside the test suite: the schema dump is the committed one,
 * and plpgsql_check finds nothing in any function.
 *
 *   node .ci/check-database.ts /usr/lib/postgresql/15/bin [--update]
 */
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { init } from '../src/install/init.ts'
import { startThrowaway } from '../src/throwaway.ts'

const golden = new URL('../test/golden/schema.sql', import.meta.url)
const migrationsFolder = fileURLToPath(new URL('../migrations/committed', import.meta.url))

/**
 * The dump without what differs from one minor version to the next: settings, pg_dump's own session key, and
 * the bodies of functions, which PostgreSQL writes anew each time. Those are the text of sql/, as a test shows.
 */
function dump(binDir: string, url: string): string {
  const text = execFileSync(`${binDir}/pg_dump`, ['--schema-only', '--schema=lethe', '--schema=lethe_private', url], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const [, ...entries] = text.split(/^--\n-- Name: /m)
  return entries
    .map((entry) => {
      const [title = '', ...body] = entry.split('\n')
      if (/; Type: (FUNCTION|PROCEDURE);/.test(title)) return `${title}\n`
      return body.filter((line) => !/^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config)/.test(line)).join('\n')
    })
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
}

/** Findings that are choices: the API's parameters are named as SQL names the things. */
const ACCEPTED = [
  /name of parameter "(table|column|when|to)" is reserved keyword/,
  /target type is different type than source type/,
  // These exist to run an expression or a statement that was put together, and checked, elsewhere.
  /(as_sweeper|as_dropper|run_on_archive|look_through|look_at_jobs|make_mirror|grant_nothing|read_condition|table_controller|shortest_fit|try_expressions|try_values)\(.*(text type variable is not sanitized|result of dynamic SQL|"v_facts" is not assigned yet)/,
  /ask_of_row\(.*text type variable is not sanitized/,
  // Every finding of lethe check is asked with what the policy reaches; not all of them need it.
  /check_\w+\(lethe_private\.reached\[\]\): warning extra line .*unused parameter "reached"/,
  // One function for triggers on two tables.
  /keep_held\(\): error line \d+: record "old" has no field "name"/,
  // The temporary table it works on does not exist until it runs.
  /try_method\(.*schema "pg_temp" does not exist/,
  /(as_sweeper|run_on_archive|archive_contents).*OUT variable "\w+" is maybe unmodified/,
]

/** What plpgsql_check has to say beyond that, one line a finding. */
async function lint(client: pg.Client): Promise<string[]> {
  await client.query('create extension plpgsql_check')
  const { rows: functions } = await client.query<{ oid: number; relation: number }>(`
    select p.oid, coalesce(
        (select t.tgrelid from pg_trigger as t where t.tgfoid = p.oid limit 1),
        -- Guards stand on tables of the host; here any table does.
        case when p.prorettype = 'trigger'::regtype then 'lethe.holds'::regclass else 0 end) as relation
    from pg_proc as p
    join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
    where p.pronamespace in ('lethe'::regnamespace, 'lethe_private'::regnamespace)`)
  const found: string[] = []
  // Without its table, a trigger function brings plpgsql_check and its server down.
  for (const { oid, relation } of functions) {
    const { rows } = await client.query<{ finding: string }>(
      `select format('%s: %s line %s: %s', $1::oid::regprocedure, c.level, c.lineno, c.message) as finding
       from plpgsql_check_function_tb($1::oid, $2::oid,
         extra_warnings => true, performance_warnings => false, security_warnings => true) as c`,
      [oid, relation],
    )
    found.push(...rows.map(({ finding }) => finding))
  }
  return found.sort().filter((finding) => !ACCEPTED.some((accepted) => accepted.test(finding)))
}

const [binDir, option] = process.argv.slice(2)
if (!binDir) throw new Error('name the folder of PostgreSQL 15\'s programs')
const cluster = await startThrowaway({ binDir })
try {
  await init({ databaseUrl: cluster.url(), migrationsFolder })
  const schema = dump(binDir, cluster.url())
  if (option === '--update') await writeFile(golden, schema)
  if (schema !== (await readFile(golden, 'utf8'))) {
    await writeFile('/tmp/lethe-schema.sql', schema)
    throw new Error('the schema dump differs from test/golden/schema.sql; look at it, then run with --update')
  }

  const client = new pg.Client(cluster.url())
  await client.connect()
  const findings = await lint(client)
  await client.end()
  for (const finding of findings) console.error(finding)
  if (findings.length > 0) process.exitCode = 1
  else console.log('schema dump unchanged; plpgsql_check finds nothing')
} finally {
  await cluster.destroy()
}
