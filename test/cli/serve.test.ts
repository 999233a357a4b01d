import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/cluster.ts'
import { ask, issueToken } from '../helpers/api.ts'
import { lethe } from '../helpers/cli.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const SECRET = 'private-person.example'

describe('lethe serve', () => {
  let db: TestDatabase
  let databaseUrl: string
  let token: string

  beforeAll(async () => {
    db = await createDatabase({ template: 'audience' })
    databaseUrl = (await db.asRole('lethe_api')).url
    token = await issueToken(db, 'officer', 'north')
    await db.query(`
      update audience.contacts set email = id || '@${SECRET}' where publisher_id = 1;
      create function audience_api.trap() returns text language plpgsql as $$
      begin raise exception 'said of ${SECRET}' using detail = '${SECRET}'; end $$;
      create view audience_api.traps as select audience_api.trap() as text;
      grant select on audience_api.traps to lethe_officer`)
  })
  afterAll(() => db.drop())

  async function start(env: Record<string, string>, ...args: string[]) {
    const port = await freePort()
    const child = spawn(process.execPath, [main, 'serve', '--port', String(port), ...args], {
      env: { ...process.env, DATABASE_URL: databaseUrl, LOG_LEVEL: 'trace', NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const log = { text: '' }
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        log.text += text
      })
    await expect.poll(() => log.text, { timeout: 40_000 }).toContain('the API is at')
    return { child, log, url: `http://127.0.0.1:${port}` }
  }

  const page = async (url: string) => (await fetch(`${url}/`, { headers: { accept: 'text/html' } })).status

  it('answers, logs each request as JSON without anybody’s data, and stops at SIGTERM with 0', async () => {
    const { child, log, url } = await start({})
    expect(await page(url)).toBe(404)
    const { data } = await ask(url, token, '{ contacts(first: 2) { nodes { email } } }')
    expect(data.contacts.nodes[0].email).toContain(SECRET)

    const byEmail =
      'query ($email: String!) { contacts(filter: { email: { equalTo: $email } }) { totalCount } }'
    await ask(url, token, byEmail, { email: `1@${SECRET}` })
    await ask(url, token, byEmail, { email: { of: SECRET } })
    await ask(url, token, `{ contacts(filter: { email: { equalTo: "${SECRET}" } }) { nope } }`)
    await ask(url, token, `query private_person_example { contact(id: "${SECRET}") { id } }`)
    await ask(url, token, `mutation { forget(email: "${SECRET}") }`)
    await ask(url, token, '{ traps { nodes { text } } }')
    await ask(url, `lethe_${'1'.repeat(64)}`, '{ __typename }')
    await fetch(`${url}/graphql?token=${token}&email=${SECRET}`)
    await fetch(`${url}/${SECRET}`)
    await fetch(`${url}/graphql`, {
      method: 'POST',
      body: `{"${SECRET}`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })

    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    const lines = log.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    expect(lines.filter(({ msg, path }) => msg === 'answered' && path === '/graphql').length).toBe(10)
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'answered', status: 200, role: 'officer', token: 1 }),
    )
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'a request failed', sqlstate: 'P0001' }))
    expect(lines.at(-1).msg).toBe('stopped')
    const hash = createHash('sha256').update(token).digest('hex')
    for (const secret of [SECRET, 'private_person', token, token.slice(6, 20), hash, '11111111'])
      expect(log.text).not.toContain(secret)
  })

  it.each([
    ['--ruru', {}, ['--ruru']],
    ['development', { NODE_ENV: 'development' }, []],
  ])('has Ruru with %s, as a page without data', async (_, env: Record<string, string>, args) => {
    const { child, url } = await start(env, ...args)
    expect(await page(url)).toBe(200)
    expect((await ask(url, undefined, '{ __typename }')).status).toBe(401)
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
  })

  it('says in one sentence why it cannot: no right, no Lethe, no such port', async () => {
    const nobody = await db.asRole('lethe_auditor')
    const refused = await lethe(['serve'], { databaseUrl: nobody.url })
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/may not serve the API.*\[LE502\]/s),
    ])
    expect(refused.stderr).toContain('grant lethe_api to')
    expect((await lethe(['serve', '--port', '0'], { databaseUrl })).stderr).toContain('[LE607]')
  })
})
