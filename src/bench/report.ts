/** The table that comes out, for people and for programs. */
import { cpus, totalmem } from 'node:os'
import { formatTable, paint } from '../cli/output.ts'
import type { Case, Measured, Result } from './types.ts'

/** One line of the outcome. */
export function toResult({ name, target, unit }: Case, { seconds, baselineSeconds }: Measured): Result {
  const ratio = baselineSeconds === undefined ? null : seconds / baselineSeconds
  return {
    name,
    ratio: ratio === null ? null : Number(ratio.toFixed(3)),
    target,
    ok: (ratio ?? seconds * 1000) <= target,
    seconds: Number(seconds.toFixed(6)),
    baseline_seconds: baselineSeconds === undefined ? null : Number(baselineSeconds.toFixed(6)),
    unit,
  }
}

/** The machine in one sentence. */
export function describeMachine(): string {
  const cores = cpus()
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`
}

/** All results as a table, and what each of them covers. */
export function formatResults(results: Result[], cases: Case[]): string {
  const found = results.map((result) => ({ result, line: cases.find(({ name }) => name === result.name)! }))
  const table = formatTable(
    found.map(({ result, line }) => ({
      ' ': result.ok ? paint('green', '✓') : paint('red', '✗ MISSED'),
      name: result.name,
      'ours | against': line.title,
      ours: formatTime(result.seconds),
      against: result.baseline_seconds === null ? '' : formatTime(result.baseline_seconds),
      measured: result.ratio === null ? `${(result.seconds * 1000).toFixed(1)} ms` : result.ratio.toFixed(2),
      target: `≤ ${result.target}${result.unit === 'ms' ? ' ms' : ''}`,
    })),
  )
  const legend = found.map(({ line }) => `  ${line.name.padEnd(20)}${line.includes}`).join('\n')
  return `${table}\n\nWhat the time of ours includes:\n${legend}`
}

function formatTime(seconds: number): string {
  return seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : `${seconds.toFixed(2)} s`
}
