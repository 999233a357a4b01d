import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Every code that a file under a folder mentions. */
function codesIn(folder: string): Set<string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(sql|ts)$/.test(name),
  )
  return new Set(
    files.flatMap((name) => readFileSync(`${folder}/${name}`, 'utf8').match(/\bLE\d{3}\b/g) ?? []),
  )
}

test('docs/errors.md lists every code that Lethe can raise, and no other', () => {
  const listed = new Set(
    readFileSync('docs/errors.md', 'utf8')
      .match(/^\| LE\d{3}/gm)
      ?.map((cell) => cell.slice(2)),
  )
  const raised = new Set(['sql', 'src', 'tasks'].flatMap((folder) => [...codesIn(folder)]))
  expect([...listed].sort()).toEqual([...raised].sort())
})
