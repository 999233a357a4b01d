/** `lethe token issue|list|revoke`: who may use the API. Counterpart: sql/lethe/api_tokens.sql. */
import type { Command } from 'commander'
import { sql } from 'slonik'
import { z } from 'zod'
import { API_ROLES } from '../../api/tokens.ts'
import { LetheError } from '../../errors.ts'
import { type DatabaseContext, databaseAction } from '../command.ts'
import { parseCount } from '../numbers.ts'

interface IssueOptions {
  role: string
  controller?: string
  all?: boolean
  expires: string
  name?: string
}

const Token = z.object({
  id: z.number(),
  name: z.string().nullable(),
  role: z.string(),
  controller: z.string(),
  issued: z.string(),
  by: z.string(),
  expires: z.string(),
  used: z.string().nullable(),
  state: z.string(),
})

/** Adds the command to the program. */
export function register(program: Command): void {
  const token = program.command('token').description('tokens of the API: issue, list, revoke')
  token
    .command('issue')
    .description('print a new token, this once; it acts as one role for one controller')
    .requiredOption('--role <role>', API_ROLES.join(', '))
    .option('--controller <name>', 'whose data it reaches')
    .option('--all', 'all controllers, instead; for operators')
    .option('--expires <delay>', 'after how long it ends, a year at the most', 'P90D')
    .option('--name <text>', 'what it is for; shown in the list')
    .action(databaseAction<IssueOptions>(issue))
  token
    .command('list')
    .description('the tokens of the controllers you act for')
    .action(
      databaseAction<object>(async ({ pool, out }) => {
        const rows = await (await pool()).any(LIST)
        if (rows.length === 0) out.line('There is no token: lethe token issue')
        else out.table(rows.map((row) => ({ ...row })))
      }),
    )
  token
    .command('revoke')
    .description('end a token at once')
    .argument('<id>', 'its number in the list', parseCount('id', 2_147_483_647))
    .action(
      databaseAction<object>(async ({ args, pool, out }) => {
        const id = Number(args[0])
        await (await pool()).any(sql.type(z.object({}).loose())`select lethe.revoke_token(${id})`)
        out.success(`token ${id} is revoked`)
        out.object({ id, state: 'revoked' })
      }),
    )
}

const LIST = sql.type(Token)`
  select
    t.id,
    t.name,
    replace(t.role, 'lethe_', '') as role,
    coalesce(c.name, 'all') as controller,
    to_char(t.issued_at, 'YYYY-MM-DD') as issued,
    t.issued_by::text as by,
    to_char(t.expires_at, 'YYYY-MM-DD HH24:MI TZ') as expires,
    to_char(t.last_used_at, 'YYYY-MM-DD HH24:MI TZ') as used,
    case
      when t.revoked_at is not null then 'revoked'
      when t.expires_at <= now() then 'expired'
      else 'good'
    end as state
  from lethe.api_tokens as t
  left join lethe.controllers as c on c.id = t.controller_id
  order by t.id`

/** The token alone on stdout, so that a script can take it; the rest is on stderr. */
async function issue({ options, pool, out }: DatabaseContext<IssueOptions>): Promise<void> {
  const { role, controller, all = false, expires, name } = options
  if (all === (controller !== undefined)) {
    throw new LetheError('a token is for one controller, or for all', {
      code: 'LE607',
      hint: 'give --controller <name>, or --all',
    })
  }
  const { token } = await (await pool()).one(sql.type(z.object({ token: z.string() }))`
    select lethe.issue_token(${role}, ${controller ?? null}, ${expires}, ${name ?? null}) as token`)
  out.warn(`keep it: it is shown this once. It acts as ${role} for ${controller ?? 'all controllers'}`)
  out.line(token)
  out.object({ token, role, controller: controller ?? null, expires })
}
