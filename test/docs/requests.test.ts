/** What docs/requests.md and docs/recipients.md say is what the database and the sender do. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Club, createClub, MEMBERS } from '../helpers/club.ts'

const KINDS = ['access', 'portability', 'rectification', 'restriction', 'objection', 'erasure']

let db: Club
beforeAll(async () => {
  db = await createClub()
})
afterAll(() => db.drop())

test('docs/requests.md draws every move there is, and no other', async () => {
  const drawn = readFileSync('docs/requests.md', 'utf8')
    .match(/```mermaid\n(.*?)```/s)![1]!
    .split('\n')
    .flatMap((line) => {
      const [, from, to, word] = /^\s*(\w+) --> (\w+)(?:: (\w+))?$/.exec(line) ?? []
      const kinds =
        word === 'erasure' ? [word] : word === 'others' ? KINDS.filter((kind) => kind !== 'erasure') : KINDS
      return from ? kinds.map((kind) => `${kind}: ${from} → ${to}`) : []
    })
  const moves = await db.query<{ kind: string; from_state: string; to_state: string }>(
    'select * from lethe.request_moves',
  )
  const there = moves.map(({ kind, from_state, to_state }) => `${kind}: ${from_state} → ${to_state}`)
  expect(drawn.sort()).toEqual(
    // Only erasures are planned, and so they alone can be paused, refused or withdrawn from there, or be delayed.
    there.sort(),
  )
})

test('docs/requests.md says what each state means, in the order in which they come', async () => {
  const said = [...readFileSync('docs/requests.md', 'utf8').matchAll(/^\| (\w+) \| (?!means)/gm)].map(
    ([, name]) => name,
  )
  const states = (await db.query<{ name: string }>('select name from lethe.request_states')).map(
    ({ name }) => name,
  )
  expect(said.filter((name) => states.includes(name!)).sort()).toEqual(states.sort())
})

test('the example of docs/recipients.md verifies what is sent, recognises the person, and nobody else', async () => {
  const example = readFileSync('docs/recipients.md', 'utf8').match(/```js\n(.*?)```/s)![1]!
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(22)
  const folder = await mkdtemp(join(tmpdir(), 'lethe-example-'))
  try {
    await writeFile(join(folder, 'example.mjs'), example)
    const { verify, isAbout } = (await import(pathToFileURL(join(folder, 'example.mjs')).href)) as {
      verify: (secret: string, signature: string, body: string, now?: number) => object | undefined
      isAbout: (event: object, secret: string, identifier: string) => boolean
    }
    const [{ secret }] = (await db.query<{ secret: string }>(
      `select lethe.add_recipient('mail', 'https://mail.example.org/', controller => 'north') as secret`,
    )) as [{ secret: string }]
    await db.query(`select lethe.open_request('erasure', 'member', '1', controller => 'north')`)
    await db.query(`update lethe.requests set state = 'approved'`)
    await db.query(`select lethe_private.move_request(r, 'executed') from lethe.requests as r`)
    const [{ body, signature }] = (await db.query<{ body: string; signature: string }>(
      'select * from lethe.take_notification(1)',
    )) as [{ body: string; signature: string }]

    const event = verify(secret, signature, body)!
    expect(event).toMatchObject({ event: 'erasure', controller: 'north', subject: 'member' })
    expect(verify(`${secret}x`, signature, body)).toBeUndefined()
    expect(verify(secret, signature, `${body} `)).toBeUndefined()
    expect(verify(secret, 'v1=', body)).toBeUndefined()
    expect(verify(secret, signature, body, Date.now() + 301_000)).toBeUndefined()
    const [ada, , bob] = MEMBERS
    for (const same of [
      ada.mail,
      ` ${ada.mail.toUpperCase()}\n`,
      ada.phone,
      '0033647129035',
      '(+33) 6.47.12.90.35',
    ])
      expect({ same, isAbout: isAbout(event, secret, same) }).toEqual({ same, isAbout: true })
    for (const other of [bob.mail, bob.phone, '', '0647129035'])
      expect(isAbout(event, secret, other)).toBe(false)
  } finally {
    await rm(folder, { recursive: true })
  }
})
