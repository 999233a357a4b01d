/**
 * The migrations that the template is made of: the committed ones. While nothing is committed yet, or
 * with `LETHE_TEST_CURRENT=1`, it is migrations/current.sql alone, with its includes resolved as
 * Graphile Migrate would, so that an edit in sql/ can be tried without committing it.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../migrations/', import.meta.url))

/** Calls `work` with the folder to hand to `init`. */
export async function withMigrationsUnderTest(
  work: (migrationsFolder: string) => Promise<unknown>,
): Promise<void> {
  const committed = await readdir(`${folder}committed`).catch(() => [])
  if (!process.env.LETHE_TEST_CURRENT && committed.some((name) => name.endsWith('.sql'))) {
    await work(`${folder}committed`)
    return
  }
  const written = await mkdtemp(join(tmpdir(), 'lethe-migrations-'))
  try {
    await writeFile(join(written, '000001-current.sql'), await withIncludes(`${folder}current.sql`))
    await work(written)
  } finally {
    await rm(written, { recursive: true })
  }
}

/** The text of a migration with every `--!include path` line replaced by that file. */
export async function withIncludes(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  const resolved = lines.map((line) => {
    const path = /^--!\s*include\s+(\S+)\s*$/i.exec(line)?.[1]
    return path ? withIncludes(`${folder}fixtures/${path}`) : line
  })
  return (await Promise.all(resolved)).join('\n')
}
