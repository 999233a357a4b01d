/** `lethe recipient`: systems that are told of requests (GDPR Art. 19). Counterpart: sql/lethe/recipients.sql. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { LetheError } from '../../errors.ts'
import { type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'

interface AddOptions {
  controller?: string
  kinds?: string
}

const Recipient = z.object({
  controller: z.string(),
  name: z.string(),
  url: z.string(),
  kinds: z.array(z.string()),
  waiting: z.number(),
  received: z.number(),
  completed: z.number(),
  dead: z.number(),
})
const Nothing = z.object({}).loose()

/** Adds the command to the program. */
export function register(program: Command): void {
  const recipient = program
    .command('recipient')
    .description('systems that are told when data is corrected, restricted or erased')
  recipient
    .command('list', { isDefault: true })
    .description(
      'the recipients of the controllers you act for, and what became of their notifications (exit code 1 when one was given up)',
    )
    .action(
      databaseAction<object>(async ({ pool, out }) => {
        const rows = await (await pool()).any(sql.type(Recipient)`
          select controller, name, url, kinds, waiting, received, completed, dead from lethe.list_recipients()`)
        if (rows.length === 0) out.line('Nobody is told of requests.')
        else
          out.table(
            out.json
              ? rows.map((row) => ({ ...row }))
              : rows.map((row) => ({ ...row, kinds: row.kinds.join(', ') })),
          )
        const dead = rows.filter((row) => row.dead > 0).map(({ name }) => name)
        if (dead.length === 0) return EXIT_OK
        out.warn(`given up: ${dead.join(', ')}; lethe request list --all, then show, say of which requests`)
        return EXIT_INCOMPLETE
      }),
    )
  recipient
    .command('add')
    .description('register a system; prints the secret its webhooks are signed with, once')
    .argument('<name>', 'a short name')
    .argument('<url>', 'where it is told: https://…')
    .option('--kinds <list>', 'of what it is told (default: rectification,restriction,erasure)')
    .option('--controller <name>', 'whose data it has; needed where there are several')
    .action(databaseAction<AddOptions>(add))
  recipient
    .command('remove')
    .description('tell a system nothing any more')
    .argument('<name>', 'its name in the list')
    .option('--controller <name>', 'whose recipient it is; needed where there are several')
    .action(
      databaseAction<{ controller?: string }>(async ({ args, options, pool, out }) => {
        const name = args[0]!
        await (await pool()).any(
          sql.type(Nothing)`select lethe.remove_recipient(${name}, ${options.controller ?? null})`,
        )
        out.success(`${name} is told nothing any more`)
        out.object({ name, removed: true })
      }),
    )
  recipient
    .command('answer')
    .description('write down that a recipient has done what it was told, when it says so later')
    .argument('<event-key>', 'the key of the notification: lethe request show')
    .argument('[state]', 'received or completed', 'completed')
    .action(
      databaseAction<object>(async ({ args, pool, out }) => {
        const [key = '', state = 'completed'] = args
        if (!z.guid().safeParse(key).success) {
          throw new LetheError('that is not the key of a notification', {
            code: 'LE607',
            hint: 'lethe request show ID lists those of a request, as event key',
          })
        }
        await (await pool()).any(sql.type(Nothing)`select lethe.answer_notification(${key}::uuid, ${state})`)
        out.success(`notification ${key} is ${state}`)
        out.object({ event_key: key, state })
      }),
    )
}

async function add({ args, options, pool, out }: DatabaseContext<AddOptions>): Promise<void> {
  const [name = '', url = ''] = args
  const kinds = (options.kinds ?? 'rectification,restriction,erasure').split(',').map((kind) => kind.trim())
  const { secret } = await (await pool()).one(sql.type(z.object({ secret: z.string() }))`
    select lethe.add_recipient(${name}, ${url}, ${sql.array(kinds, 'text')}, ${options.controller ?? null}) as secret`)
  out.object({ name, url, kinds, secret })
  out.line(secret)
  if (!out.json)
    process.stderr.write(`${name} signs and recognises with this secret; it is not shown again\n`)
}
