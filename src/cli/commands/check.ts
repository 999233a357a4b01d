/** `lethe check`: what about people's data is not decided, or does not hold. Counterpart: src/check/findings.ts. */
import type { Command } from 'commander'
import { annotation } from '../../check/annotations.ts'
import { type Finding, findAll, NOT_LOOKED_AT } from '../../check/findings.ts'
import { LetheError } from '../../errors.ts'
import { readPolicy } from '../../policy/apply.ts'
import { databaseAction, EXIT_IMPOSSIBLE, EXIT_INCOMPLETE, EXIT_OK } from '../command.ts'
import { makeOutput, type Output, onOneLine, paint } from '../output.ts'

const FORMATS = ['text', 'github', 'json'] as const
type Format = (typeof FORMATS)[number]

interface Options {
  policy?: string
  format: Format
  data: boolean
}

const COLOURS = { error: 'red', warning: 'yellow', note: 'dim' } as const

export function register(program: Command): void {
  program
    .command('check')
    .description(
      'say which table, column, view or link has no decision, and what does not hold (exit code 1 if any)',
    )
    .option('--policy <file>', 'also say where this file and the policy in force differ')
    .option('--format <format>', `${FORMATS.join(', ')}; json is --json`, format, 'text')
    .option('--no-data', 'leave out what has to be counted in the data')
    .addHelpText('after', '\nExit codes: 0 no error · 1 errors · 2 something could not be looked at')
    .action(
      databaseAction<Options>(async ({ options, pool, out, progress }) => {
        const file = options.policy === undefined ? undefined : await readPolicy(options.policy)
        const database = await pool()
        const looking = progress('checking')
        looking.step('looking')
        const findings = await findAll(database, { file, readData: options.data }).finally(looking.end)
        if (out.json || options.format === 'json') {
          const json = makeOutput({ json: true })
          for (const finding of findings) json.object({ ...finding })
        } else if (options.format === 'github') {
          for (const finding of findings) out.line(annotation(finding, options.policy))
        } else {
          report(out, findings, options)
        }
        return exitCode(findings)
      }),
    )
}

function exitCode(findings: Finding[]): number {
  if (findings.some(({ code }) => code === NOT_LOOKED_AT)) return EXIT_IMPOSSIBLE
  return findings.some(({ severity }) => severity === 'error') ? EXIT_INCOMPLETE : EXIT_OK
}

function report(out: Output, findings: Finding[], { data, policy }: Options): void {
  for (const group of groups(findings)) {
    const { code, severity } = group[0]!
    out.line(
      `${paint(COLOURS[severity], severity)} ${paint('bold', code)} ${paint('dim', `(${group.length}, docs/checks/${code}.md)`)}`,
    )
    const remedies = new Set(group.map(({ remedy }) => onOneLine(remedy)))
    for (const { object, sentence, remedy, line } of group) {
      const at = line === undefined ? '' : paint('dim', `  ${policy}:${line}`)
      out.line(`  ${paint('bold', onOneLine(object))}${at}\n    ${onOneLine(sentence)}`)
      if (remedies.size > 1) out.line(`    → ${onOneLine(remedy)}`)
    }
    if (remedies.size === 1) out.line(`  → ${[...remedies][0]}`)
    out.line()
  }
  const count = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length
  const counted = (severity: Finding['severity']): string =>
    `${count(severity)} ${severity}${count(severity) === 1 ? '' : 's'}`
  const told = `${counted('error')}, ${counted('warning')}, ${counted('note')}${data ? '' : '; the data was not read'}`
  if (count('error') > 0) out.line(told)
  else out.success(`no column, link, table or view is without a decision: ${told}`)
}

/** Findings of one code together, in the order they come in. */
function groups(findings: Finding[]): Finding[][] {
  const byCode = new Map<string, Finding[]>()
  for (const finding of findings) byCode.set(finding.code, [...(byCode.get(finding.code) ?? []), finding])
  return [...byCode.values()]
}

/** @throws LetheError LE607. */
function format(text: string): Format {
  const known = FORMATS.find((name) => name === text)
  if (known) return known
  throw new LetheError(`--format is not known: ${JSON.stringify(text)}`, {
    code: 'LE607',
    hint: `one of ${FORMATS.join(', ')}`,
  })
}
