/**
 * `lethe replay`: after a backup was put back, whoever was forgotten since is forgotten again. What may be somebody
 * else's record is listed, for a person to decide. Counterparts: src/ledger/replay.ts, docs/ledger.md.
 */
import type { Command } from 'commander'
import { openClient } from '../../db/client.ts'
import { decideFinding, type ReplayFinding, replayFindings } from '../../db/ledger.ts'
import { LetheError } from '../../errors.ts'
import type { ReplayResult } from '../../ledger/replay.ts'
import { type DatabaseContext, databaseAction, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import type { Output } from '../output.ts'

interface Options {
  list?: boolean
  decide?: string[]
  adopt?: boolean
}

export function register(program: Command): void {
  program
    .command('replay')
    .description('do again in a restored database what its ledger says was erased, held and restricted since')
    .option('--list', 'the findings that a person decides, with the key of each row; changes nothing')
    .option('--decide <id=erase|keep>', 'decide a finding; may be given several times', collect)
    .option('--adopt', 'the backup is older than the ledger, and the database has never heard of it')
    .action(databaseAction<Options>(run))
}

const collect = (value: string, before: string[] = []): string[] => [...before, value]

async function run(context: DatabaseContext<Options>): Promise<number> {
  const { databaseUrl, options, out, progress } = context
  const decisions = (options.decide ?? []).map(parseDecision)
  if (options.list) {
    const findings = await withClient(databaseUrl, replayFindings)
    if (findings.length === 0) out.line('There is no finding.')
    else list(out, findings)
    return findings.some(({ decision }) => decision === null) ? EXIT_INCOMPLETE : EXIT_OK
  }
  const { ledgerOfEnvironment } = await import('../../ledger/ledger.ts')
  const ledger = await ledgerOfEnvironment()
  if (!ledger) {
    throw new LetheError('no ledger was named', {
      code: 'LE607',
      hint: 'set LETHE_LEDGER to its folder, and LETHE_LEDGER_KEYS to its key file',
    })
  }
  await withClient(databaseUrl, async (client) => {
    for (const { id, decision } of decisions) await decideFinding(client, id, decision)
  })
  const { replay } = await import('../../ledger/replay.ts')
  const running = progress('replay')
  const result = await replay({
    databaseUrl,
    ledger,
    adopt: options.adopt,
    onProgress: (step, done, total) => running.step(step, done, total),
  }).finally(running.end)
  return report(out, result)
}

function parseDecision(text: string): { id: number; decision: string } {
  const [, id, decision] = /^(\d{1,9})=(erase|keep)$/.exec(text) ?? []
  if (id && decision) return { id: Number(id), decision }
  throw new LetheError(`not a decision: ${text}`, {
    code: 'LE607',
    hint: '--decide 3=erase, or --decide 3=keep; lethe replay --list has the numbers',
  })
}

async function withClient<Result>(
  databaseUrl: string,
  work: (client: Awaited<ReturnType<typeof openClient>>) => Promise<Result>,
): Promise<Result> {
  const client = await openClient(databaseUrl)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function list(out: Output, findings: ReplayFinding[]): void {
  out.table(
    findings.map((finding) => ({ ...finding, how: HOW[finding.how] })),
    [
      'id',
      'controller',
      'subject',
      'how',
      'forgotten',
      'table',
      'key',
      'decision',
      { key: 'decidedBy', label: 'by' },
    ],
  )
}

const HOW = {
  key: 'has the key of who was forgotten, and no identifier that says it is the same person',
  identifier: 'has an identifier of who was forgotten',
  failed: 'is of who was forgotten, and could not be erased',
}

/** Figures, never keys: what is said here may end in a log. */
function report(out: Output, { findings, cycles, ...result }: ReplayResult): number {
  const undecided = findings.filter(({ decision }) => decision === null)
  out.object({
    ...result,
    undecided: undecided.map(({ key: _, ...finding }) => finding),
    cycles: cycles.map(({ controller, cycle, state }) => ({ controller, cycle, state })),
  })
  out.line(`${result.entries} entries of the ledger were not known here`)
  out.line(
    `${result.erased} records forgotten again, ${result.delayed} delayed by a hold; ${result.placed} holds placed again, ${result.released} released`,
  )
  if (result.expired > 0)
    out.warn(`${result.expired} entries are over their term: whom they were about can no longer be told`)
  if (result.nobody > 0)
    out.line(`${result.nobody} erasures fit no record here: these people came after the backup was made`)
  if (result.unlooked.length > 0)
    out.warn(
      `of those forgotten before the backup nobody was looked for who is ${result.unlooked.join(', ')}: not in the policy any more`,
    )
  for (const { controller, state } of cycles) out.line(`the cycle of ${controller} is ${state}`)
  if (result.state === 'undecided')
    out.warn(
      `${undecided.length} findings wait for a decision: lethe replay --list, then lethe replay --decide ID=erase|keep`,
    )
  if (result.state === 'incomplete')
    out.warn('a cycle is incomplete: lethe status says more; then lethe replay again')
  if (result.state === 'unsound') out.warn('the evidence is not as it was sealed: lethe verify says more')
  if (result.state !== 'open') {
    out.warn('the gate stays closed')
    return EXIT_INCOMPLETE
  }
  out.success('the database is as new as its ledger')
  return EXIT_OK
}
