/**
 * Lethe's own ledger of migrations, `lethe_private.migrations`. Graphile Migrate writes the files in
 * migrations/committed; on a database that Lethe is attached to they are applied here, because that
 * database may have a `graphile_migrate` chain of its own.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { LetheError } from '../errors.ts'

/** A committed migration as it stands in its file. */
export interface Migration {
  filename: string
  hash: string
  body: string
}

const LEDGER = `
create table if not exists lethe_private.migrations (
  filename    text primary key,
  hash        text not null,
  applied_at  timestamptz not null default now()
);
alter table lethe_private.migrations enable row level security;
comment on table lethe_private.migrations is
  'Which of Lethe''s migrations this database has, and the SHA-256 of the text that was applied.';
`

/** The committed migrations in order. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{6}.*\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (filename) => {
      const body = await readFile(join(folder, filename), 'utf8')
      return { filename, hash: createHash('sha256').update(body).digest('hex'), body }
    }),
  )
}

/**
 * Applies what is missing, each file in a transaction of its own, as lethe_owner.
 *
 * @returns the names of the files applied now.
 * @throws LetheError LE505 when an applied file has been edited since, or when the database is ahead.
 */
export async function applyMigrations(
  client: Client,
  migrations: Migration[],
  onApply: (filename: string) => void = () => undefined,
): Promise<string[]> {
  await asOwner(client, () => client.query(LEDGER))
  const applied = await asOwner(client, () =>
    client.query<{ filename: string; hash: string }>('select filename, hash from lethe_private.migrations'),
  )
  const ledger = new Map(applied.rows.map((row) => [row.filename, row.hash]))
  assertSameHistory(ledger, migrations)

  const missing = migrations.filter((migration) => !ledger.has(migration.filename))
  for (const { filename, hash, body } of missing) {
    onApply(filename)
    await asOwner(client, async () => {
      await client.query(body)
      await client.query('insert into lethe_private.migrations (filename, hash) values ($1, $2)', [
        filename,
        hash,
      ])
    })
  }
  return missing.map((migration) => migration.filename)
}

function assertSameHistory(ledger: Map<string, string>, migrations: Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.filename, migration.hash]))
  for (const [filename, hash] of ledger) {
    if (!known.has(filename)) {
      throw new LetheError(`this database has migration ${filename}, which this Lethe does not know`, {
        code: 'LE505',
        hint: 'a newer Lethe has been here: use that version',
      })
    }
    if (known.get(filename) !== hash) {
      throw new LetheError(`migration ${filename} is not the text that this database was given`, {
        code: 'LE505',
        hint: 'a committed migration is never edited: restore the file, or use the version that installed it',
      })
    }
  }
}

/** One transaction as lethe_owner. The role is left with the transaction, whatever happens. */
export async function asOwner<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  await client.query('begin')
  try {
    await client.query('set local role lethe_owner')
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}
