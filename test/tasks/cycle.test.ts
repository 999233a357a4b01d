import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCycle } from '../../src/cycle.ts'
import { startWorker, type Worker } from '../../src/worker.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'
import { contents, countDue, makeLibrary, memoryLog, SECRET, until } from './library.ts'

describe('the tasks of a cycle', () => {
  let db: TestDatabase
  let url: string
  let workers: Worker[]
  const log = memoryLog()

  beforeEach(async () => {
    db = await createDatabase()
    await makeLibrary(db)
    url = (await db.asRole('lethe_worker')).url
    workers = []
    log.lines.length = 0
  })
  afterEach(async () => {
    await Promise.allSettled(workers.map((worker) => worker.stop()))
    await db.drop()
  })

  async function work(concurrency = 2): Promise<Worker> {
    const worker = await startWorker({ databaseUrl: url, concurrency, logger: log.logger })
    workers.push(worker)
    return worker
  }
  async function states(): Promise<Record<string, string>[]> {
    return db.query(`
      select c.name as controller, y.state from lethe.cycles as y join lethe.controllers as c on c.id = y.controller_id
      order by y.id`)
  }
  const finished = async (n: number): Promise<boolean> => {
    const all = await states()
    return all.length >= n && all.every(({ state }) => state !== 'open')
  }

  it('bring every controller’s day to its end, and begin it once', async () => {
    await work()
    await until(() => finished(2))
    expect(await states()).toEqual([
      { controller: 'north', state: 'complete' },
      { controller: 'south', state: 'complete' },
    ])
    expect(await countDue(db)).toBe(0)

    const before = await contents(db)
    await db.query(`select lethe_jobs.add_job('cycle__start', '{}')`)
    await until(async () => (await db.query('select from lethe_jobs._private_jobs')).length === 0)
    expect(await states()).toHaveLength(2)
    expect(await contents(db)).toBe(before)
  })

  it('hold ids of Lethe and nothing else, and log nobody', async () => {
    await db.query(`
      create table public.seen (payload text, error text);
      create function public.see() returns trigger language plpgsql security definer as $$
        begin insert into public.seen values (new.payload::text, new.last_error); return new; end $$;
      create trigger see before insert or update on lethe_jobs._private_jobs for each row execute function public.see();
      alter table library.readers add constraint refuses check (phone is not null or id <> 3);
      create function library.talk() returns trigger language plpgsql as $$
        begin raise notice 'was %', old.email; return new; end $$;
      create trigger talk before update on library.readers for each row execute function library.talk()`)
    await work()
    await until(() => finished(2))
    const seen = await db.query<{ payload: string }>('select distinct payload from public.seen')
    expect(seen.length).toBeGreaterThan(5)
    for (const { payload } of seen) {
      for (const [key, value] of Object.entries(JSON.parse(payload))) {
        expect(['cycle', 'table', '_cron']).toContain(key)
        if (key !== '_cron') expect(value).toBeTypeOf('number')
      }
    }
    const everything = JSON.stringify(await db.query('select * from public.seen')) + log.lines.join('\n')
    expect(everything).not.toContain(SECRET)
    expect(log.lines.filter((line) => line.startsWith('error')).join()).toMatch(
      /INCOMPLETE: library\.readers/,
    )
  })

  it('catch up a day that was missed', async () => {
    await runCycle({ databaseUrl: url })
    // Sealed: only who may disable triggers can move it.
    await db.query(
      `set session_replication_role = replica; update lethe.cycles set local_date = local_date - 3, covers_since = covers_since - 3; set session_replication_role = origin`,
    )
    await work()
    await until(() => finished(4))
    const [row] = await db.query(`
      select local_date - covers_since as days, state from lethe.cycles order by id desc limit 1`)
    expect(row).toEqual({ days: 2, state: 'complete' })
  })

  it('go on with the cycle of a day that has passed, then begin today’s', async () => {
    await db.query(`
      select lethe.start_cycle('north', local_date => (now() at time zone 'Europe/Paris')::date - 1)`)
    await work()
    await until(async () => (await finished(3)) && (await countDue(db)) === 0)
    expect((await states()).filter(({ controller }) => controller === 'north')).toHaveLength(2)
  })

  it('never sweep one table twice at once, on two workers', async () => {
    await db.query(`
      update lethe.settings set batch_rows = 20, pause_ratio = 0;
      create table public.overlaps (n int);
      create function public.watch() returns trigger language plpgsql security definer as $$
        begin
          -- Whoever cannot have the lock at once has met another sweep of the same table.
          if not pg_try_advisory_xact_lock(77, tg_relid::int) then insert into public.overlaps values (1); end if;
          perform pg_sleep(0.005);
          return null;
        end $$;
      create trigger watch after update on library.readers for each statement execute function public.watch();
      create trigger watch after update on library.notes for each statement execute function public.watch()`)
    await Promise.all([work(3), work(3)])
    // What an impatient operator does.
    for (let i = 0; i < 5; i += 1) {
      await db.query(`select lethe_jobs.add_job('cycle__start', '{}')`)
      await new Promise((wake) => setTimeout(wake, 100))
    }
    await until(() => finished(2))
    expect(await db.query('select * from public.overlaps')).toEqual([])
    expect(await countDue(db)).toBe(0)
  })

  it('go on within seconds after a worker was killed', async () => {
    await db.query(`update lethe.settings set batch_rows = 5, pause_ratio = 0`)
    const cycle = (await db.query<{ id: number }>(`select lethe.start_cycle('north') as id`))[0]!.id
    const [table] = await db.query<{ table_id: number }>('select table_id from lethe.ready_tables($1)', [
      cycle,
    ])
    await db.query('select lethe.sweep_step($1, $2)', [cycle, table!.table_id])
    // The queue as a killed worker leaves it.
    await db.query(`select lethe_jobs.add_job('cycle__sweep', json_build_object('cycle', ${cycle}, 'table', ${table!.table_id}),
      queue_name => 'table:${table!.table_id}', job_key => 'cycle__sweep:${cycle}:${table!.table_id}')`)
    await db.query(`
      update lethe_jobs._private_jobs set locked_by = 'pool-of-the-dead', locked_at = now(), attempts = 1;
      update lethe_jobs._private_job_queues set locked_by = 'pool-of-the-dead', locked_at = now()`)
    await work()
    await until(() => finished(2), 15)
    expect(log.lines.join('\n')).toContain('freed the jobs of 1 worker that is gone')
    expect(await countDue(db)).toBe(0)
    await until(async () => (await db.query('select from lethe_jobs._private_jobs')).length === 0)
  })

  it('leave the jobs of a living worker alone', async () => {
    await db.query(`update lethe.settings set batch_rows = 5, pause_ratio = 20`)
    const locked = () =>
      db.query<{ id: number; locked_by: string }>(
        `select id, locked_by from lethe_jobs.jobs where locked_by is not null and task_identifier = 'cycle__sweep' order by id`,
      )
    await work()
    await until(async () => (await locked()).length === 2)
    const before = await locked()
    await work()
    await until(() => log.lines.filter((line) => line.includes('looking for jobs')).length === 2)
    await new Promise((wake) => setTimeout(wake, 500))
    expect(await locked()).toEqual(expect.arrayContaining(before))
    expect(log.lines.join('\n')).not.toContain('freed the jobs')
  })

  it('stop soon and leave the rest queued', async () => {
    await db.query(`update lethe.settings set batch_rows = 2, pause_ratio = 5`)
    const worker = await work()
    await until(async () => (await db.query(`select from lethe.cycle_tables where rows_done > 0`)).length > 0)
    const began = Date.now()
    await worker.stop()
    expect(Date.now() - began).toBeLessThan(5_000)
    const jobs = await db.query<{ locked_by: string | null }>(
      'select locked_by from lethe_jobs._private_jobs',
    )
    expect(jobs.length).toBeGreaterThan(0)
    expect(jobs.every(({ locked_by }) => locked_by === null)).toBe(true)
  })

  it('wait while the time window is closed', async () => {
    await db.query(`update lethe.settings set window_starts_at = '00:00', window_ends_at = '00:00'`)
    const before = await contents(db)
    await work()
    await until(() => log.lines.some((line) => line.includes('waits for its time window')))
    await until(
      async () =>
        (
          await db.query(
            `select from lethe_jobs.jobs where task_identifier = 'cycle__sweep' and run_at > now() + interval '1 minute'`,
          )
        ).length >= 4,
    )
    expect(await contents(db)).toBe(before)

    await db.query(`update lethe.settings set window_ends_at = '24:00'`)
    await db.query(`select lethe_jobs.add_job('cycle__start', '{}')`)
    await until(() => finished(2))
    expect(await countDue(db)).toBe(0)
  })

  it('let a person’s run and a worker’s share one cycle, or refuse it', async () => {
    await db.query(`update lethe.settings set batch_rows = 3, pause_ratio = 0.5`)
    await work()
    await until(async () => (await db.query(`select from lethe.cycle_tables where rows_done > 0`)).length > 0)
    const outcome = await runCycle({ databaseUrl: url }).then(
      (results) => results.map(({ state }) => state).join(),
      (error) => error.code,
    )
    expect(['complete,complete', 'LE401']).toContain(outcome)
    await until(async () => (await finished(2)) && (await countDue(db)) === 0)
    expect((await states()).every(({ state }) => state === 'complete')).toBe(true)
  })

  it('are refused to a login that may not run cycles (LE502)', async () => {
    const nobody = await db.asRole()
    await expect(startWorker({ databaseUrl: nobody.url, logger: log.logger })).rejects.toMatchObject({
      code: 'LE502',
    })
    const worker = await startWorker({ databaseUrl: url, logger: log.logger })
    await worker.stop()
  })
})
