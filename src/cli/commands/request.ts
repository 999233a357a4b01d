/** `lethe request`: what people ask for, from receipt to certificate. Counterpart: sql/lethe/open_request.sql. */
import type { Command } from 'commander'
import { type DatabasePool, type FragmentSqlToken, sql } from 'slonik'
import { z } from 'zod'
import { readCertificate } from '../../db/evidence.ts'
import { LetheError } from '../../errors.ts'
import { writeCertificate } from '../../evidence/certificate.ts'
import { type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import { assertDay } from '../day.ts'
import { parseCount } from '../numbers.ts'
import { deadline, printPlan, printRequest, RequestReport } from '../request-report.ts'
import { signerOfEnvironment } from '../signer.ts'
import { standardInput } from '../standard-input.ts'
import { registerRights } from './request_rights.ts'

interface OpenOptions {
  kind: string
  subject: string
  by: string
  controller?: string
  received?: string
}

const KINDS = 'access, portability, rectification, restriction, objection, erasure'

const Listed = z.object({
  id: z.number(),
  controller: z.string(),
  kind: z.string(),
  subject: z.string(),
  roots: z.number(),
  state: z.string(),
  received_on: z.string(),
  due_on: z.string(),
  days_left: z.number().nullable(),
  extended: z.boolean(),
  opened_by: z.string(),
  completes_on: z.string().nullable(),
  recipients: z.string().nullable(),
  failure: z.record(z.string(), z.unknown()).nullable(),
})
const Nothing = z.object({}).loose()

/** Adds the command to the program. */
export function register(program: Command): void {
  const request = program
    .command('request')
    .description('what people ask for: open, decide, execute, certify')
  registerRights(request)
  request
    .command('open')
    .description('write down what a person asks for; prints the request’s id')
    .requiredOption('--kind <kind>', KINDS)
    .requiredOption('--subject <type>', 'the kind of person: a subject type of the policy')
    .requiredOption(
      '--by <column=value>',
      'who it is: email=luis@example.org, or key=4711; email=- reads the value from standard input',
    )
    .option('--controller <name>', 'whose data; needed where the table has rows of several')
    .option('--received <date>', 'when it came (YYYY-MM-DD; default: now)')
    .action(databaseAction<OpenOptions>(open))
  request
    .command('list', { isDefault: true })
    .description('requests that are open, the most urgent first (exit code 1 when one is overdue)')
    .option('--all', 'those that have ended, too')
    .action(databaseAction<{ all?: boolean }>(list))
  one(request, 'show', 'all that may be shown of a request: plan, events, findings, recipients').action(
    databaseAction<object>(async ({ args, pool, out }) => {
      const report = await read(await pool(), Number(args[0]))
      out.object(report)
      if (!out.json) printRequest(out, report)
      return report.notifications.some(({ state }) => state === 'dead') ? EXIT_INCOMPLETE : EXIT_OK
    }),
  )
  one(request, 'plan', 'write down what an erasure would do, and show it (exit code 1: refusals)').action(
    databaseAction<object>(plan),
  )
  one(request, 'approve', 'agree to a request; to an erasure as it is planned')
    .option('--plan <mark>', 'the plan that was looked at: any other is not approved')
    .action(
      databaseAction<{ plan?: string }>((context) =>
        move(context, (id) => sql.fragment`lethe.approve_request(${id}, ${context.options.plan ?? null})`),
      ),
    )
  request
    .command('execute')
    .description(
      'do what was approved, look again, certify, and tell the recipients; of several in one transaction',
    )
    .argument('<id...>', 'their numbers in the list', (text: string, before?: number[]) => [
      ...(before ?? []),
      parseCount('id', Number.MAX_SAFE_INTEGER)(text),
    ])
    .action(databaseAction<object>(execute))
  one(request, 'reject', 'refuse a request')
    .requiredOption('--ground <text>', 'on which ground (Art. 12(5), 17(3)…); kept')
    .action(
      databaseAction<{ ground: string }>((context) =>
        move(context, (id) => sql.fragment`lethe.refuse_request(${id}, ${context.options.ground})`),
      ),
    )
  reasoned(
    request,
    'extend',
    'two months more, once',
    (id, reason) => sql.fragment`lethe.extend_request(${id}, ${reason})`,
  )
  one(request, 'strike', 'of what an erasure keeps, leave what is somebody else’s now to them')
    .requiredOption('--reason <text>', 'the matter, not the person; kept')
    .action(databaseAction<{ reason: string }>(strike))
  reasoned(
    request,
    'withdraw',
    'the person does not want it any more',
    (id, reason) => sql.fragment`lethe.withdraw_request(${id}, ${reason})`,
  )
  reasoned(
    request,
    'pause',
    'stop the clock while it is doubted who is asking',
    (id, reason) => sql.fragment`lethe.pause_request(${id}, ${reason})`,
  )
  one(request, 'resume', 'who is asking is proved: the clock goes on').action(
    databaseAction<object>((context) => move(context, (id) => sql.fragment`lethe.resume_request(${id})`)),
  )
  one(request, 'findings', 'what was found of the person afterwards (exit code 1 if any)').action(
    databaseAction<object>(async ({ args, pool, out }) => {
      const { findings } = await read(await pool(), Number(args[0]))
      if (findings.length === 0) out.success('nothing was found')
      else out.table(findings, ['n', 'place', 'object', 'finding', 'rows', 'decision'])
      return findings.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
    }),
  )
  one(request, 'certificate', 'what became of the person’s data, signed with LETHE_SIGNING_KEY')
    .option('--number <n>', 'which of several (default: the last)', parseCount('--number', 2_147_483_647))
    .action(
      databaseAction<{ number?: number }>(async ({ args, options, pool, out }) => {
        const certificate = await readCertificate(await pool(), Number(args[0]), options.number)
        process.stdout.write(
          writeCertificate(certificate, out.json ? 'json' : 'text', await signerOfEnvironment()),
        )
      }),
    )
}

const one = (request: Command, name: string, description: string): Command =>
  request
    .command(name)
    .description(description)
    .argument('<id>', 'its number in the list', parseCount('id', Number.MAX_SAFE_INTEGER))

const reasoned = (
  request: Command,
  name: string,
  description: string,
  call: (id: number, reason: string) => FragmentSqlToken,
): Command =>
  one(request, name, description)
    .requiredOption('--reason <text>', 'the matter, not the person; kept')
    .action(
      databaseAction<{ reason: string }>((context) =>
        move(context, (id) => call(id, context.options.reason)),
      ),
    )

async function read(pool: DatabasePool, id: number): Promise<RequestReport> {
  return (
    await pool.one(
      sql.type(z.object({ report: RequestReport }))`select lethe.request_report(${id}) as report`,
    )
  ).report
}

async function open({ options, pool, out }: DatabaseContext<OpenOptions>): Promise<void> {
  const { column, value } = await readBy(options.by)
  const received = options.received === undefined ? null : assertDay(options.received)
  const key = column === 'key' ? value : null
  const identifier = column === 'key' ? null : value
  const database = await pool()
  const { id } = await database.one(sql.type(z.object({ id: z.number() }))`
    select lethe.open_request(${options.kind}, ${options.subject}, ${key}, ${identifier}, ${options.controller ?? null},
      received_on => ${received}::date, identified_by => ${identifier === null ? null : column}) as id`)
  const report = await read(database, id)
  const { kind, state, roots, received_on, due_on, days_left } = report
  out.object({ id, kind, state, roots, received_on, due_on, days_left })
  out.line(String(id))
  if (!out.json)
    process.stderr.write(`request ${id} is open: ${roots} × ${report.subject}; ${deadline(report)}\n`)
}

/** Whoever writes a value on the command line leaves it in the shell's history: - reads it instead. */
async function readBy(by: string): Promise<{ column: string; value: string }> {
  const [, column, given] = /^([^=]+)=(.+)$/s.exec(by) ?? []
  if (column === undefined || given === undefined) {
    throw new LetheError('--by does not say who the person is', {
      code: 'LE607',
      hint: '--by email=luis@example.org, --by key=4711, or --by email=- to read the value from standard input',
    })
  }
  return {
    column,
    value:
      given === '-'
        ? await standardInput(column, `echo -n VALUE | lethe request open --by ${column}=- …`)
        : given,
  }
}

async function list({ options, pool, out }: DatabaseContext<{ all?: boolean }>): Promise<number> {
  const rows = await (await pool()).any(sql.type(Listed)`
    select id, controller, kind, subject, roots, state, received_on, due_on, days_left, extended, opened_by::text,
      completes_on, recipients, failure
    from lethe.list_requests(${options.all ?? false})`)
  if (rows.length === 0) out.line('Nobody is waiting for an answer.')
  else
    out.table(
      rows.map((row) => ({ ...row, failed: row.failure !== null })),
      [
        'id',
        'state',
        'days_left',
        'due_on',
        'kind',
        'subject',
        'roots',
        'controller',
        'recipients',
        'failed',
      ],
    )
  return rows.some(({ days_left }) => days_left !== null && days_left < 0) ? EXIT_INCOMPLETE : EXIT_OK
}

async function plan({ args, pool, out }: DatabaseContext<object>): Promise<number> {
  const id = Number(args[0])
  const database = await pool()
  await database.any(sql.type(Nothing)`select lethe.plan_request(${id})`)
  const report = await read(database, id)
  out.object({ id, state: report.state, plan: report.plan, plan_mark: report.plan_mark })
  if (!report.plan) return EXIT_INCOMPLETE
  if (!out.json) printPlan(out, report.plan, report.plan_mark)
  if (report.plan.refusals.length > 0) return EXIT_INCOMPLETE
  out.success(`request ${id} is ${report.state}: lethe request approve ${id} --plan ${report.plan_mark}`)
  return EXIT_OK
}

/** Figures, never keys: what is said here may end in a log. */
async function strike({ args, options, pool, out }: DatabaseContext<{ reason: string }>): Promise<void> {
  const struck = await (await pool()).any(
    sql.type(z.object({ table: z.string(), rows: z.number() }))`
      select "table", count(*)::int as rows from lethe.strike_kept_rows(${Number(args[0])}, ${options.reason}) group by 1 order by 1`,
  )
  if (struck.length === 0) out.success('nothing that is kept is somebody else’s')
  else out.table([...struck], ['table', 'rows'])
}

/** Calls a function that moves a request or its day, and says where it is now. */
async function move(context: DatabaseContext<object>, call: (id: number) => FragmentSqlToken): Promise<void> {
  const id = Number(context.args[0])
  const database = await context.pool()
  await database.any(sql.type(Nothing)`select ${call(id)}`)
  const report = await read(database, id)
  const { state, due_on, days_left } = report
  context.out.object({ id, state, due_on, days_left })
  context.out.success([`request ${id} is ${state}`, deadline(report)].filter(Boolean).join('; '))
}

const ANSWERED = 'lethe recipient answer EVENT_KEY'

async function execute(context: DatabaseContext<object>): Promise<number> {
  const ids = [...new Set(context.args.map(Number))]
  return ids.length === 1 ? executeOne(context, ids[0]!) : executeMany(context, ids)
}

/** Done: answered, and nothing of it waits for anybody. */
async function executeOne(
  { databaseUrl, pool, out, progress }: DatabaseContext<object>,
  id: number,
): Promise<number> {
  const before = await read(await pool(), id)
  const { openClient } = await import('../../db/client.ts')
  const { advanceRequest, executeRequest } = await import('../../requests.ts')
  const running = progress(`request ${id}`)
  const client = await openClient(databaseUrl)
  try {
    // Also what a worker leaves to people: an answer, a correction.
    if (before.state === 'approved') await executeRequest(client, id)
    await advanceRequest(client, id, (step) => running.step(step))
  } finally {
    running.end()
    await client.end()
  }
  const report = await read(await pool(), id)
  out.object(report)
  if (!out.json) printRequest(out, report)
  const untold = (wanted: string): number =>
    report.notifications.filter(({ state }) => state === wanted).length
  const waiting = untold('waiting')
  const dead = untold('dead')
  if (waiting > 0) out.warn(`recipients that have not answered: ${waiting}; the worker tries again`)
  if (dead > 0)
    out.warn(`recipients that were given up: ${dead}; tell them by other means, then: ${ANSWERED}`)
  const answered = report.state === 'completed' || report.state === 'blocked'
  if (!answered) out.warn(whatNext(report, before.state))
  return answered && waiting + dead === 0 ? EXIT_OK : EXIT_INCOMPLETE
}

/** All that are approved in one transaction; what else of them waits for nobody is gone on with, one by one. */
async function executeMany(
  { databaseUrl, pool, out, progress }: DatabaseContext<object>,
  ids: number[],
): Promise<number> {
  const database = await pool()
  const readAll = async (): Promise<RequestReport[]> => {
    const reports: RequestReport[] = []
    for (const id of ids) reports.push(await read(database, id))
    return reports
  }
  const approved = (await readAll()).filter(({ state }) => state === 'approved').map(({ id }) => id)
  const { openClient } = await import('../../db/client.ts')
  const { advanceRequest, executeRequests } = await import('../../requests.ts')
  const running = progress(`${ids.length} requests`)
  const client = await openClient(databaseUrl)
  let states = new Map<number, string>()
  try {
    if (approved.length > 0) states = await executeRequests(client, approved, (step) => running.step(step))
    // One that has just failed is for the next time.
    for (const id of ids.filter((id) => states.get(id) !== 'failed'))
      await advanceRequest(client, id, (step) => running.step(step))
  } finally {
    running.end()
    await client.end()
  }
  const after = await readAll()
  out.table(
    after.map(({ id, kind, state, failure, notifications }) => ({
      id,
      kind,
      state,
      failed: failure === null ? null : String(failure.sqlstate),
      untold: notifications.filter((n) => n.state === 'waiting' || n.state === 'dead').length,
    })),
    ['id', 'kind', 'state', 'failed', 'untold'],
  )
  return after.every(isAnswered) ? EXIT_OK : EXIT_INCOMPLETE
}

const isAnswered = ({ state, notifications }: RequestReport): boolean =>
  (state === 'completed' || state === 'blocked') &&
  !notifications.some((n) => n.state === 'waiting' || n.state === 'dead')

function whatNext({ id, state, plan, plan_mark }: RequestReport, before: string): string {
  if (state === 'planned' && plan && plan.refusals.length > 0)
    return `its plan is refused: do what is said above, then lethe request plan ${id}`
  if (state === 'planned' && before === 'approved')
    return `the plan has changed: approve it again (lethe request approve ${id} --plan ${plan_mark})`
  if (state === 'planned') return `an officer decides: lethe request approve ${id} --plan ${plan_mark}`
  if (state === 'received') return `an officer or agent decides: lethe request approve ${id}`
  if (state === 'delayed') return 'a hold keeps it: it goes on by itself when that is released'
  return `request ${id} is ${state}: nothing was done`
}
