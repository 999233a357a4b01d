/** What a check of a small schema must find, worked out by hand and without a database. */

/** How a referring column was decided on: by a link of the subject, by what happens at a purge, or not at all. */
export type Decision = 'none' | 'own' | 'ignore' | 'unlink'
export type Category = 'content' | 'technical' | 'not personal' | undefined

export interface Reference {
  /** Index of the table referred to. */
  to: number
  decision: Decision
  category: Category
}

/** Table 0 is the root of the only subject, and managed. */
export interface Table {
  managed: boolean
  columns: Category[]
  references: Reference[]
}

/** What is found, as `code table[.column]`. Column c of table t is `t.c<c>`, reference r is `t.r<r>`. */
export function undecided(tables: Table[]): string[] {
  const managed = (index: number): boolean => tables[index]!.managed
  // Without both tables in the policy there is nothing to hang a link or a category on.
  const decision = (from: number, { to, decision }: Reference): Decision =>
    managed(from) && managed(to) ? decision : 'none'
  const isOfPeople = ({ columns, references }: Table, index: number): boolean =>
    index === 0 ||
    columns.includes('content') ||
    references.some((reference) => reference.category === 'content' || decision(index, reference) === 'own')

  const people = new Set(
    tables.flatMap((table, index) => (table.managed && isOfPeople(table, index) ? [index] : [])),
  )
  for (let size = -1; size !== people.size; ) {
    size = people.size
    tables.forEach(({ references }, from) => {
      for (const reference of references) {
        if (people.has(reference.to) && decision(from, reference) !== 'ignore') people.add(from)
        if (people.has(from) && managed(from) && reference.category === 'content') people.add(reference.to)
      }
    })
  }

  return tables.flatMap((table, from) => {
    if (!table.managed) return people.has(from) ? [`unmanaged-table t${from}`] : []
    return [
      ...table.columns.flatMap((category, c) => (category ? [] : [`unclassified-column t${from}.c${c}`])),
      ...table.references.flatMap((reference, r) => {
        if (!people.has(reference.to)) return reference.category ? [] : [`unclassified-column t${from}.r${r}`]
        return managed(reference.to) && decision(from, reference) === 'none'
          ? [`undecided-link t${from}(r${r})`]
          : []
      }),
    ]
  })
}
