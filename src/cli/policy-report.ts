/** What `lethe policy plan`, `apply` and `activate` say of a draft. */
import type { MissingRight } from '../policy/apply.ts'
import {
  describeBlast,
  describeChanges,
  describeEffects,
  describeFindings,
  summary,
  untried,
} from '../policy/describe.ts'
import type { Draft } from '../policy/drafts.ts'
import type { Output } from './output.ts'

/** Diff, blast radius, findings and side effects, for people. */
export function reportDraft(out: Output, draft: Draft): void {
  out.line(describeChanges(draft.changes!))
  if (draft.missing_rights!.length === 0) out.line(`\n${describeBlast(draft)}`)
  if (draft.findings!.length > 0) {
    out.line('\nThe rehearsal refuses it:')
    for (const sentence of new Set(describeFindings(draft.findings!))) out.line(`  ${sentence}`)
  } else {
    const names = untried(draft)
    if (names.length > 0) out.line(`\nNo row to try it on: ${names.join(', ')}.`)
  }
  if (draft.effects!.length > 0) {
    out.line('\nSide effects, each to be accepted by name:')
    for (const sentence of describeEffects(draft.effects!)) out.line(`  ${sentence}`)
  }
}

export function reportUnchanged(out: Output, file: string, granted: string[], missing: MissingRight[]): void {
  out.object({ file, changes: [], granted, missing })
  out.success(`${file} says what was in force already: nothing changed`)
  reportGrants(out, granted, missing, file)
}

export function reportInForce(
  out: Output,
  file: string,
  draft: Draft,
  granted: string[],
  missing: MissingRight[],
): void {
  out.object({ ...draft, state: 'activated', file, granted, missing })
  if (!out.json) out.line()
  out.success(`${file} is in force: ${summary(draft.changes!)}`)
  reportGrants(out, granted, missing, file)
}

/** What was granted, and what has to be. */
export function reportGrants(
  out: Output,
  granted: string[],
  missing: { remedy: string }[],
  file: string,
): void {
  if (granted.length > 0) {
    out.line('\nGranted:')
    for (const statement of granted) out.line(`  ${statement};`)
  }
  if (missing.length > 0) {
    out.warn('Lethe lacks rights that this policy needs. Whoever owns the tables runs:')
    for (const { remedy } of missing) out.line(`  ${remedy};`)
    out.line(`\nor, connected as that user:  lethe policy apply ${file} --grant`)
  }
}
