/** `lethe hold`: legal holds, who placed them, what they reach, and guards. Counterpart: sql/lethe/hold.sql. */
import type { Command } from 'commander'
import { type DatabasePool, type FragmentSqlToken, sql } from 'slonik'
import { z } from 'zod'
import { LetheError } from '../../errors.ts'
import { type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import { parseCount } from '../numbers.ts'
import { standardInput } from '../standard-input.ts'

interface PlaceOptions {
  reason: string
  until?: string
  controller?: string
}

interface PersonOptions extends PlaceOptions {
  identifier?: string
}

interface GuardOptions {
  create?: boolean
  drop?: boolean
  events?: boolean
}

const Hold = z.object({
  id: z.number(),
  controller: z.string().nullable(),
  state: z.string(),
  kind: z.string(),
  names: z.string(),
  reason: z.string(),
  author: z.string(),
  placed: z.string(),
  until: z.string().nullable(),
  released: z.string().nullable(),
  released_by: z.string().nullable(),
  release_reason: z.string().nullable(),
})

const Reach = z.object({ table: z.string(), live: z.number(), archived: z.number() })
const Finding = z.object({
  finding: z.string(),
  object: z.string(),
  sentence: z.string(),
  remedy: z.string(),
})
const Nothing = z.object({}).loose()

/** Adds the command to the program. */
export function register(program: Command): void {
  const hold = program.command('hold').description('legal holds: place, release, list, guard')
  hold
    .command('list', { isDefault: true })
    .description('the holds of the controllers you act for')
    .option('--released', 'those that have been released, too')
    .action(databaseAction<{ released?: boolean }>(list))
  hold
    .command('show')
    .description('what a hold reaches now, table by table')
    .argument('<id>', 'its number in the list', parseCount('id', 2_147_483_647))
    .action(databaseAction<object>(async (context) => showReach(context, Number(context.args[0]))))
  placing(hold.command('person').description('hold a person, and all that belongs to the person'))
    .argument('<subject>', 'the kind of person: a subject type of the policy')
    .argument('[key]', 'the key of its row; - reads it from standard input')
    .option('--identifier <value>', 'what identifies the person instead (an e-mail address); - reads it')
    .action(databaseAction<PersonOptions>(holdPerson))
  placing(hold.command('rows').description('hold the rows of a table that satisfy a predicate, at any time'))
    .argument('<table>', 'schema.table')
    .argument('<predicate>', 'one immutable expression over its columns')
    .action(
      databaseAction<PlaceOptions>(async (context) => {
        const [table = '', predicate = ''] = context.args
        const { reason, until = null, controller = null } = context.options
        await place(
          context,
          sql.fragment`lethe.hold_rows(${reason}, ${table}, ${predicate}, ${until}::date, ${controller})`,
        )
      }),
    )
  placing(hold.command('table').description('hold every row that a table has of a controller'))
    .argument('<table>', 'schema.table')
    .action(
      databaseAction<PlaceOptions>(async (context) => {
        const { reason, until = null, controller = null } = context.options
        await place(
          context,
          sql.fragment`lethe.hold_table(${reason}, ${context.args[0]!}, ${until}::date, ${controller})`,
        )
      }),
    )
  hold
    .command('release')
    .description('end a hold; what is overdue is done in the next cycle')
    .argument('<id>', 'its number in the list', parseCount('id', 2_147_483_647))
    .requiredOption('--reason <text>', 'why; kept')
    .action(
      databaseAction<{ reason: string }>(async ({ args, options, pool, out }) => {
        const id = Number(args[0])
        await (await pool()).any(sql.type(Nothing)`select lethe.release_hold(${id}, ${options.reason})`)
        out.success(`hold ${id} is released: what is overdue is done in the next cycle`)
        out.object({ id, state: 'released' })
      }),
    )
  hold
    .command('guard')
    .description('print the statements that guard a table against everybody, or run them')
    .argument('[table]', 'schema.table')
    .option('--create', 'run them, as the user connected')
    .option('--drop', 'take the guards off: print those statements, and with --create run them')
    .option('--events', 'the event triggers against DROP and DETACH instead, for a superuser')
    .action(databaseAction<GuardOptions>(guard))
  hold
    .command('findings')
    .description(
      'guards that are missing or disabled, partitions of held tables that are gone; exit 1 if any',
    )
    .action(
      databaseAction<object>(async ({ pool, out }) => {
        const rows = await (await pool()).any(sql.type(Finding)`
          select finding, object, sentence, remedy from lethe.guard_findings()`)
        if (rows.length === 0) out.success('every guard is where it should be')
        else
          out.table(
            rows.map((row) => ({ ...row })),
            ['finding', 'sentence', 'remedy'],
          )
        return rows.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
      }),
    )
}

const placing = (command: Command): Command =>
  command
    .requiredOption('--reason <text>', 'the matter, not the person; kept')
    .option('--until <date>', 'the last day on which it holds (YYYY-MM-DD; default: until it is released)')
    .option('--controller <name>', 'whose rows; needed where the table has rows of several')

const LIST = (released: boolean) => sql.type(Hold)`
  select id, controller, state, kind,
    concat_ws(' ', case when kind in ('person', 'restriction') then coalesce(rows_named, 0) || ' × ' || subject when kind = 'keys' then rows_named || ' rows of' end,
      case when kind not in ('person', 'restriction') then table_name end, 'where ' || "when") as names,
    reason, author::text, to_char(placed_at, 'YYYY-MM-DD') as placed, to_char(ends_on, 'YYYY-MM-DD') as until,
    to_char(released_at, 'YYYY-MM-DD') as released, released_by::text, release_reason
  from lethe.list_holds(${released})
  order by id`

async function list({ options, pool, out }: DatabaseContext<{ released?: boolean }>): Promise<void> {
  const released = options.released ?? false
  const rows = await (await pool()).any(LIST(released))
  if (rows.length === 0) return out.line('Nothing is held.')
  const columns = ['id', 'state', 'controller', 'kind', 'names', 'reason', 'author', 'placed', 'until']
  out.table(
    rows.map((row) => ({ ...row })),
    released ? [...columns, 'released', 'released_by', 'release_reason'] : columns,
  )
}

async function holdPerson(context: DatabaseContext<PersonOptions>): Promise<void> {
  const [subject = '', givenKey] = context.args
  const { reason, until = null, controller = null, identifier: givenIdentifier } = context.options
  if ((givenKey === undefined) === (givenIdentifier === undefined)) {
    throw new LetheError('a person is held by a key or by an identifier', {
      code: 'LE607',
      hint: `lethe hold person ${subject} KEY, or: lethe hold person ${subject} --identifier VALUE`,
    })
  }
  const key = await given('key', givenKey, `echo -n KEY | lethe hold person ${subject} -`)
  const identifier = await given(
    'identifier',
    givenIdentifier,
    `echo -n VALUE | lethe hold person ${subject} --identifier -`,
  )
  await place(
    context,
    sql.fragment`lethe.hold_person(${reason}, ${subject}, ${key}, ${identifier}, ${until}::date, ${controller})`,
  )
}

const given = async (what: string, value: string | undefined, usage: string): Promise<string | null> =>
  value === '-' ? standardInput(what, usage) : (value ?? null)

async function place(context: DatabaseContext<object>, call: FragmentSqlToken): Promise<void> {
  const { id } = await (await context.pool()).one(
    sql.type(z.object({ id: z.number() }))`select ${call} as id`,
  )
  context.out.success(`hold ${id} is in force. It reaches now:`)
  await showReach(context, id)
}

async function showReach({ pool, out }: DatabaseContext<object>, id: number): Promise<void> {
  const tables = await (await pool()).any(sql.type(Reach)`
    select table_name as "table", live, archived from lethe.held_rows(${id})`)
  if (out.json) out.object({ id, tables })
  else out.table(tables.map((row) => ({ ...row })))
}

const Statement = z.object({ statement: z.string() })

async function guard({ args, options, pool, out }: DatabaseContext<GuardOptions>): Promise<void> {
  const { create = false, drop = false, events = false } = options
  const table = args[0]
  if (events === (table !== undefined) || (events && drop)) {
    throw new LetheError(events ? 'the event triggers are for the whole database' : 'no table was named', {
      code: 'LE607',
      hint: 'lethe hold guard TABLE [--drop] [--create], or: lethe hold guard --events [--create]',
    })
  }
  const database = await pool()
  const statements = await database.any(
    events
      ? sql.type(Statement)`select statement from lethe.guard_ddl_sql()`
      : drop
        ? sql.type(Statement)`select statement from lethe.unguard_sql(${table!})`
        : sql.type(Statement)`select statement from lethe.guard_sql(${table!})`,
  )
  if (create)
    await run(
      database,
      statements.map(({ statement }) => statement),
    )
  for (const { statement } of statements) {
    out.line(`${statement};`)
    out.object({ statement, run: create })
  }
  if (statements.length === 0) out.line('There is no guard to take off.')
  else if (create)
    out.success(drop ? `${table} is no longer guarded` : `${table ?? 'the database'} is guarded`)
  else out.warn('nothing was run: --create does so, as the user connected, who must own the tables')
}

/** All of them or none. They were written by the database for itself, names quoted. */
async function run(pool: DatabasePool, statements: string[]): Promise<void> {
  await pool.transaction(async (transaction) => {
    for (const statement of statements)
      await transaction.query(sql.unsafe(Object.assign([statement], { raw: Object.freeze([statement]) })))
  })
}
