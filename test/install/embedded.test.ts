import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { embeddedBinDir, findRunning, stopCluster } from '../../src/cluster.ts'
import { embeddedExists, useEmbedded } from '../../src/embedded.ts'
import { refusal } from '../helpers/database.ts'

let parent: string
let folder: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'lethe-test-'))
  await chmod(parent, 0o755)
  folder = join(parent, 'postgres')
})
afterEach(async () => {
  await chmod(parent, 0o755)
  await stopCluster({ binDir: await embeddedBinDir(), dataDir: join(folder, 'data') }, 'immediate')
  await rm(parent, { recursive: true })
})

async function ask(databaseUrl: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

describe('the embedded server', () => {
  it('is a PostgreSQL 18 in UTF-8 that sorts by ICU, on the loopback interface, behind a password', async () => {
    const embedded = await useEmbedded({ folder })
    expect(
      await ask(
        embedded.databaseUrl,
        `
      select current_setting('server_version_num')::int / 10000 as version,
        current_setting('server_encoding') as encoding, current_setting('listen_addresses') as listens,
        (select datlocprovider::text || ' ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
          from pg_database as d where datname = current_database()) as locale`,
      ),
    ).toEqual([{ version: 18, encoding: 'UTF8', listens: '127.0.0.1', locale: 'i en-US' }])
    expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600)
    const guessed = embedded.databaseUrl.replace(/:[^:@]+@/, ':guess@')
    expect(await refusal(ask(guessed, 'select 1'))).toMatchObject({ code: '28P01' })
    await embedded.release()
  })

  it('is stopped by the last one to leave, and keeps its data and its port', async () => {
    const first = await useEmbedded({ folder })
    await ask(first.databaseUrl, 'create table kept (n int)')
    const second = await useEmbedded({ folder })
    expect(second).toMatchObject({ started: false, port: first.port })
    await first.release()
    expect(await findRunning(join(folder, 'data'))).toBeDefined()
    await second.release()
    expect(await findRunning(join(folder, 'data'))).toBeUndefined()

    const third = await useEmbedded({ folder })
    expect(third).toMatchObject({ started: true, port: first.port })
    expect(await ask(third.databaseUrl, 'select * from kept')).toEqual([])
    await third.release()
  })

  it('is found again after whoever started it was killed', async () => {
    const killed = await useEmbedded({ folder })
    // A killed process releases nothing; its connection just breaks.
    const next = await useEmbedded({ folder })
    expect(next).toMatchObject({ started: false, databaseUrl: killed.databaseUrl })
    await killed.release()
    await next.release()
  })

  it('comes back after a kill -9 of the server itself', async () => {
    const before = await useEmbedded({ folder })
    await ask(before.databaseUrl, 'create table survived (n int); insert into survived values (7)')
    process.kill((await findRunning(join(folder, 'data')))!.pid, 'SIGKILL')
    await before.release()
    const after = await useEmbedded({ folder })
    expect(await ask(after.databaseUrl, 'select n from survived')).toEqual([{ n: 7 }])
    await after.release()
  })

  it.runIf(userInfo().uid === 0)(
    'names the folder that its user cannot enter (LE604), and does once it can',
    async () => {
      await chmod(parent, 0o700)
      expect(await refusal(useEmbedded({ folder }))).toMatchObject({
        code: 'LE604',
        message: `the database server's user "postgres" cannot enter the folder ${parent}`,
        hint: expect.stringContaining(`chmod o+x ${parent}`),
      })
      expect(await embeddedExists(folder)).toBe(false)
      await chmod(parent, 0o711)
      const embedded = await useEmbedded({ folder })
      await embedded.release()
    },
  )
})
