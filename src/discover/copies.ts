/** Tables that no reference leads from, and whose e-mail addresses are those of people known: copies, that must not be forgotten. */
import type { Client } from 'pg'
import { columnOf, type Table } from './catalogue.ts'
import { holdsPeople } from './links.ts'
import type { Survey } from './propose.ts'
import { contained } from './references.ts'

/** Below, equal addresses say little. */
const VALUES_MIN = 5
/** From here on it is a copy; from half on, perhaps. */
const CONTAINED_MIN = 0.95

/** Adds a link for each copy, and a doubt for what may be one. */
export async function findCopies(client: Client, survey: Survey): Promise<void> {
  const { catalogue, profiles, subjects, links, doubts } = survey
  const email = (table: Table): string | undefined =>
    table.columns.find(
      ({ name, kind }) => kind === 'text' && profiles.get(table)!.meanings.get(name) === 'email',
    )?.name
  const known = new Set([...links.map(({ table }) => table), ...subjects.map(({ table }) => table)])
  for (const table of catalogue.tables) {
    const from = email(table)
    if (from === undefined || known.has(table) || !holdsPeople(profiles.get(table)!)) continue
    for (const subject of subjects) {
      const to = email(subject.table)
      if (to === undefined) continue
      const values = await contained(client, {
        from: table,
        column: columnOf(table, from),
        to: subject.table,
        toColumn: to,
      })
      if (!values || values.looked < VALUES_MIN || values.found < values.looked / 2) continue
      if (values.found < CONTAINED_MIN * values.looked) {
        doubts.push({
          table,
          columns: [from],
          sentence: `${from} → ${subject.table.title}.${to}? Only a part of the addresses sampled is found there`,
        })
        continue
      }
      const share = values.found === values.looked ? 'every' : 'nearly every'
      const why = `no reference leads there, but ${share} ${from} sampled is one of ${subject.table.name}: a copy, which stays behind when the address there changes`
      const reference = {
        from: table,
        columns: [from],
        to: subject.table,
        toColumns: [to],
        onDelete: 'keep' as const,
        declared: false,
        why,
      }
      links.push({
        subject,
        table,
        kind: 'own',
        why,
        to: subject.table,
        columns: { [from]: to },
        reference,
        others: [],
      })
    }
  }
}
