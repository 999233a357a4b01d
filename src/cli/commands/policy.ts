/**
 * `lethe policy …`: the policy as a file, looked at before it is put in force. Counterparts: src/policy/drafts.ts,
 * src/policy/apply.ts. `plan` ends with 0 when there is nothing to change and with 1 when there is, as every command
 * does that has findings; 2 stays for what could not be done.
 */
import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import type { DatabasePool } from 'slonik'
import { toLetheError } from '../../db/errors.ts'
import { LetheError } from '../../errors.ts'
import { exportPolicy, grantAll, missingRights, readPolicy, withGrants } from '../../policy/apply.ts'
import {
  activate,
  approve,
  type Draft,
  getDraft,
  listDrafts,
  propose,
  rehearse,
  withdraw,
} from '../../policy/drafts.ts'
import type { PolicyFile } from '../../policy/read.ts'
import { type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import type { Output } from '../output.ts'
import { reportDraft, reportGrants, reportInForce, reportUnchanged } from '../policy-report.ts'
import { registerShow } from './policy_show.ts'

interface ApplyOptions {
  reason?: string
  grant?: boolean
  accept?: string[]
}

/** Adds the command to the program. */
export function register(program: Command): void {
  const policy = program
    .command('policy')
    .description('the policy as a file: plan it, apply it, export it; its drafts')
  registerFile(policy)
  registerDrafts(policy)
  registerShow(policy)
}

function registerFile(policy: Command): void {
  policy
    .command('plan')
    .description('say what a file would change and make due at once, tried on real rows, touching nothing')
    .argument('<file>', 'policy file, YAML or JSON')
    .action(databaseAction<object>(plan))
  policy
    .command('apply')
    .description('draft, rehearse and put in force what a file says; all of it or nothing')
    .argument('<file>', 'policy file, YAML or JSON')
    .option('--reason <text>', 'why; kept with every change')
    .option('--grant', 'also grant what Lethe needs on the managed tables, as the user connected')
    .option('--accept <objects...>', 'side effects that are meant: tables and trigger functions, by name')
    .action(databaseAction<ApplyOptions>(apply))
  policy
    .command('export')
    .description('write the policy in force as a file')
    .option('--output <file>', 'where to; default: standard output')
    .action(
      databaseAction<{ output?: string }>(async ({ options, pool, out }) => {
        const { policy: document, yaml } = await exportPolicy(await pool())
        if (options.output !== undefined) {
          await write(options.output, out.json ? `${JSON.stringify(document, null, 2)}\n` : yaml)
          out.success(`wrote the policy to ${options.output}`)
          out.object({ file: options.output })
        } else {
          out.line(yaml.trimEnd())
          out.object(document)
        }
      }),
    )
}

function registerDrafts(policy: Command): void {
  policy
    .command('drafts')
    .description('list what was proposed, and what became of it')
    .action(
      databaseAction<object>(async ({ pool, out }) => {
        const drafts = await listDrafts(await pool())
        if (drafts.length === 0 && !out.json)
          return out.line('Nothing has been proposed. Begin with: lethe policy apply policy.yaml')
        out.table(out.json ? drafts : drafts.map(shortly))
      }),
    )
  policy
    .command('approve')
    .description('say yes to a draft as the second person')
    .argument('<draft>', 'its number')
    .action(
      databaseAction<object>(async ({ args, pool, out }) => {
        const id = toNumber(args[0]!)
        await approve(await pool(), id)
        out.success(`draft ${id} is approved; it is put in force by: lethe policy activate ${id}`)
        out.object({ draft: id, approved: true })
      }),
    )
  policy
    .command('activate')
    .description('put a rehearsed draft in force')
    .argument('<draft>', 'its number')
    .option('--accept <objects...>', 'side effects that are meant: tables and trigger functions, by name')
    .action(
      databaseAction<ApplyOptions>(async ({ args, options, pool, out }) => {
        const id = toNumber(args[0]!)
        return putInForce(await pool(), id, `draft ${id}`, options, out)
      }),
    )
  policy
    .command('withdraw')
    .description('give a draft up')
    .argument('<draft>', 'its number')
    .action(
      databaseAction<object>(async ({ args, pool, out }) => {
        const id = toNumber(args[0]!)
        await withdraw(await pool(), id)
        out.success(`draft ${id} is withdrawn`)
        out.object({ draft: id, state: 'withdrawn' })
      }),
    )
}

async function plan({ args, pool, out, progress }: DatabaseContext<object>): Promise<number> {
  const filename = args[0]!
  const file = await readPolicy(filename)
  const database = await pool()
  const draft = await rehearsing(progress, () =>
    propose(database, file, { reason: `plan of ${basename(filename)}`, keep: false }),
  )
  if (draft.changes!.length === 0) {
    reportUnchanged(out, filename, [], [])
    return EXIT_OK
  }
  const { id: _, ...found } = draft
  out.object({ file: filename, ...found })
  reportDraft(out, draft)
  out.line(`\nNothing was changed. Put it in force with: lethe policy apply ${filename}`)
  return EXIT_INCOMPLETE
}

async function apply({ args, options, pool, out, progress }: DatabaseContext<ApplyOptions>): Promise<number> {
  const filename = args[0]!
  // Read before the database is asked for: a mistake in the file needs none to be found.
  const file = await readPolicy(filename)
  const database = await pool()
  const granted: string[] = []
  const draft = await rehearsing(progress, () => proposeGranting(database, file, filename, options, granted))
  if (draft.changes!.length === 0) {
    const missing = await missingRights(database)
    reportUnchanged(out, filename, granted, missing)
    return missing.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
  }
  reportDraft(out, draft)
  if (draft.state === 'refused') {
    out.object({ file: filename, ...draft, granted, missing: draft.missing_rights })
    out.warn('Not in force.')
    if (draft.missing_rights!.length > 0) reportGrants(out, granted, draft.missing_rights!, filename)
    return EXIT_INCOMPLETE
  }
  return putInForce(database, draft.id, filename, options, out, draft, granted)
}

/** Rights that are missing are granted where that was asked for, and then it is rehearsed once more. */
async function proposeGranting(
  pool: DatabasePool,
  file: PolicyFile,
  filename: string,
  { reason = `applied from ${basename(filename)}`, grant = false }: ApplyOptions,
  granted: string[],
): Promise<Draft> {
  const draft = await withGrants(pool, grant, granted, () => propose(pool, file, { reason, keep: true }))
  const missing = draft.missing_rights!
  if (!grant || missing.length === 0) return draft
  await grantAll(pool, missing, granted)
  return draft.changes!.length === 0 ? draft : rehearse(pool, draft.id)
}

/** What is missing, a second person or a yes to a side effect, leaves the draft as it is, to go on with. */
async function putInForce(
  pool: DatabasePool,
  id: number,
  name: string,
  { accept = [], grant = false }: ApplyOptions,
  out: Output,
  draft?: Draft,
  granted: string[] = [],
): Promise<number> {
  try {
    await activate(pool, id, accept)
  } catch (thrown) {
    const error = toLetheError(thrown)
    if (!/^LE61[1-4]$/.test(error.code)) throw error
    const hint = HINTS[error.code]!(id, draft)
    out.object({
      ...(draft ?? { id }),
      file: name,
      granted,
      error: { code: error.code, message: error.message, hint },
    })
    out.warn(`Not in force: ${error.message}.\n  ${hint}`)
    return EXIT_INCOMPLETE
  }
  if (grant) await grantAll(pool, await missingRights(pool), granted)
  const missing = await missingRights(pool)
  reportInForce(out, name, draft ?? (await getDraft(pool, id)), granted, missing)
  return missing.length > 0 ? EXIT_INCOMPLETE : EXIT_OK
}

/** What to do next, in words of the command line; the database's own hints are for psql. */
const HINTS: Record<string, (id: number, draft?: Draft) => string> = {
  LE611: (id) =>
    `Repair what the rehearsal has found and apply the file again; lethe policy withdraw ${id} gives this one up.`,
  LE612: () => 'Apply the file again, which rehearses it again.',
  LE613: (id) =>
    `Somebody else, with another login: lethe policy approve ${id}. Then: lethe policy activate ${id}`,
  LE614: (id, draft) =>
    `If they are meant: lethe policy activate ${id} --accept ${draft?.effects?.map(({ object }) => quote(object)).join(' ') ?? '…'}`,
}

const quote = (word: string): string => (/^[\w.]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

async function rehearsing(
  progress: DatabaseContext<object>['progress'],
  work: () => Promise<Draft>,
): Promise<Draft> {
  const shown = progress('policy')
  shown.step('rehearsing and counting what becomes due')
  return work().finally(shown.end)
}

function shortly({
  id,
  state,
  author,
  drafted_at,
  rows_at_once,
  approved_by,
  ended_by,
  reason,
}: Draft): Record<string, unknown> {
  return {
    draft: id,
    state,
    author,
    drafted: drafted_at.slice(0, 16).replace('T', ' '),
    due_at_once: rows_at_once,
    approved_by,
    ended_by,
    reason,
  }
}

function toNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new LetheError(`${JSON.stringify(text)} is no number of a draft`, {
    code: 'LE607',
    hint: 'lethe policy drafts lists them',
  })
}

async function write(filename: string, text: string): Promise<void> {
  try {
    await writeFile(filename, text)
  } catch (cause) {
    throw new LetheError(`cannot write ${filename}: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`, {
      code: 'LE607',
      hint: 'name a file in a folder that exists and that you may write to',
      cause,
    })
  }
}
