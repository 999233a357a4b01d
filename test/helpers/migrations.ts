/**
 * The migrations that the template is made of: the committed ones. With `LETHE_TEST_CURRENT=1`
 * migrations/current.sql follows them, its includes resolved as Graphile Migrate would, so that an edit in
 * sql/ can be tried before it is committed.
 */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../migrations/', import.meta.url))
const committed = join(folder, 'committed')

/** Calls `work` with the folder to hand to `init`. */
export async function withMigrationsUnderTest(
  work: (migrationsFolder: string) => Promise<unknown>,
): Promise<void> {
  if (!process.env.LETHE_TEST_CURRENT) {
    await work(committed)
    return
  }
  const written = await mkdtemp(join(tmpdir(), 'lethe-migrations-'))
  try {
    const names = await readdir(committed)
    for (const name of names) await copyFile(join(committed, name), join(written, name))
    const next = String(names.length + 1).padStart(6, '0')
    await writeFile(join(written, `${next}-current.sql`), await withIncludes(join(folder, 'current.sql')))
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
