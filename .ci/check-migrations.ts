/**
 * Committed migrations are never edited: each file's hash is that of its text and its predecessor's hash
 * (as Graphile Migrate computes it), and every migration says what it is in its header.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../migrations/committed/', import.meta.url)
let previous = ''
let number = 0
for (const name of readdirSync(folder).sort()) {
  number += 1
  const [header = '', ...rest] = readFileSync(new URL(name, folder), 'utf8').split('\n\n')
  const body = rest.join('\n\n').trim()
  const said = Object.fromEntries([...header.matchAll(/^--! (\w+): (.*)$/gm)].map((match) => [match[1], match[2]]))
  const hash = `sha1:${createHash('sha1').update(`${`${previous}\n${body}`.trim()}\n`).digest('hex')}`
  if (Number(name.slice(0, 6)) !== number) throw new Error(`${name} is not number ${number}`)
  if (said.Message === undefined) throw new Error(`${name} has no message`)
  if (said.Previous !== (previous || '-')) throw new Error(`${name} does not follow the migration before it`)
  if (said.Hash !== hash) throw new Error(`${name} has been edited: its hash is ${hash}`)
  previous = hash
}
console.log(`${number} committed migration${number === 1 ? '' : 's'}, none edited`)
