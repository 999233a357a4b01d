/** Findings as workflow commands of GitHub Actions, which shows them beside the lines of a pull request. */
import type { Finding } from './findings.ts'

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const

/** `::error file=policy.yaml,line=12,col=7,title=unclassified-column::…`, on one line. */
export function annotation(finding: Finding, filename: string | undefined): string {
  const { code, severity, sentence, remedy, line, column } = finding
  const properties = Object.entries({
    ...(filename !== undefined && line !== undefined ? { file: filename, line, col: column } : {}),
    title: code,
  })
  return `::${COMMANDS[severity]} ${properties
    .map(([key, value]) => `${key}=${escapeProperty(String(value))}`)
    .join(',')}::${escapeMessage(`${sentence}\n${remedy}`)}`
}

function escapeMessage(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
