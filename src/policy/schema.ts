/**
 * The shape of a policy file, as people write it and as `lethe.apply_policy` takes it: one shape, no
 * translation between them. docs/policy.schema.json is made from here, for editors.
 *
 * Glossary
 * - policy: which data lives how long, and what happens then; the whole of it in one document
 * - controller: who the data belongs to, with a time zone
 * - table, column: what Lethe manages; by the names the host gave them
 * - rule: what happens to a column (anonymize, archive, purge) or to a row (archive, purge): one term, or a list of terms
 * - term: how long (`after`) since which clock (`since`), for which purpose, where (`when`)
 * - minimum: how long a law has a table or a column kept, whatever the terms say; nothing replaces it
 * - override: a controller's own terms, in place of the default ones of the same purpose
 * - view: what is decided on a view over people's data
 * - waiver: a finding of lethe check that is not reported up to a day
 *
 * What needs the database to judge (names, types, methods and their parameters) is judged there, and
 * its answer is traced back to a line of the file by {@link file://./read.ts}.
 */
import { z } from 'zod'
import { delayProblem } from './delay.ts'

/** Strict objects: a misspelt key is an error, never a rule that silently does not exist. */
const object = z.strictObject

const text = (about: string) => z.string().min(1, 'must not be empty').describe(about)

const word = (about: string) =>
  z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, - and _, beginning with a letter')
    .describe(about)

const names = (about: string) =>
  z
    .union([
      z.string().min(1, 'must not be empty'),
      z.array(z.string().min(1, 'must not be empty')).min(1, 'must name at least one column'),
    ])
    .describe(about)

const delay = z
  .string('has no unit: write it as ISO 8601, P30D, P2W, P18M or P3Y')
  .superRefine((value, context) => {
    const problem = delayProblem(value)
    if (problem) context.addIssue({ code: 'custom', message: problem })
  })
  .describe('ISO 8601 period of whole days, weeks, months or years.')
  .meta({
    pattern: '^P(?=\\d)(\\d{1,6}Y)?(\\d{1,6}M)?(\\d{1,6}W)?(\\d{1,6}D)?$',
    examples: ['P3Y', 'P18M', 'P2W', 'P30D'],
  })

const rowTerm = object({
  purpose: text('What the data serves for as long as this term runs; none: whatever it serves.').optional(),
  after: delay,
  since: names(
    "The clock: a column, or several of which the latest counts; max(table.column) is the latest of the rows that refer to the row. Default: the table's.",
  ).optional(),
  when: text(
    'SQL predicate over the row; the term applies where it holds. Default: where the clock is known.',
  ).optional(),
})

const columnTerm = object({
  ...rowTerm.shape,
  using: z
    .union([
      text('A method without parameters.'),
      z.looseObject({ method: text('A method of lethe.methods.') }),
    ])
    .describe('How the value is anonymized: a method, or a mapping of method and its parameters.'),
})

const lawfulMinimum = object({
  after: delay,
  since: rowTerm.shape.since,
  when: text(
    'SQL predicate over the row; the law applies where it holds. Default: unless the clock says nothing.',
  ).optional(),
  basis: text('The law that demands it.'),
})

/** One term or a list of them. */
const terms = <T extends z.ZodType>(term: T, about: string) =>
  z.union([term, z.array(term).min(1, 'must have at least one term')]).describe(about)

const minimum = (what: string) =>
  terms(lawfulMinimum, `How long a law has ${what} kept, whatever the terms say.`).optional()

const columnRules = {
  anonymize: terms(columnTerm, 'The value is replaced.').optional(),
  archive: terms(columnTerm, 'The value is replaced, the original goes to the archive.').optional(),
  purge: terms(rowTerm, 'The value is set to null, in the archive too.').optional(),
  minimum: minimum('the value'),
}

const column = object({
  category: z
    .enum([
      'direct identifier',
      'contact',
      'quasi-identifier',
      'special category',
      'content',
      'technical',
      'not personal',
    ])
    .describe('What kind of data it is.')
    .optional(),
  purposes: z.array(z.string()).describe('What it serves.').optional(),
  legal_basis: text('On which legal basis (GDPR Art. 6).').optional(),
  claim: z
    .literal('anonymous', 'may be anonymous, or be left out')
    .describe('What the rules leave of the value is promised to be anonymous; lethe check holds them to it.')
    .optional(),
  format: z
    .union([
      text('A minimised format of lethe.formats.'),
      z.looseObject({
        format: text('A minimised format of lethe.formats.'),
        on_arrival: z
          .enum(['reject', 'reduce'])
          .describe(
            'What a trigger does with a richer value. Default: no trigger, the constraint refuses it.',
          )
          .optional(),
      }),
    ])
    .describe(
      'All that the column may hold: a format, or a mapping of format, on_arrival and its parameters.',
    )
    .optional(),
  ...columnRules,
})

const table = object({
  controller: z
    .union([
      object({ column: text('Column that says whose a row is.') }),
      object({ constant: text('Controller whose all rows are.') }),
    ])
    .describe('Whose the rows are. May be left out where there is one controller only.')
    .optional(),
  time_zone: text("Zone of the table's timestamps without time zone. Default: the controller's.").optional(),
  search_path: text("Search path the table's triggers need.").optional(),
  key: names('Columns that tell rows apart. Default: the primary key.').optional(),
  sentinels: z
    .array(z.iso.date('must be days, such as "9999-12-31"'))
    .describe('Days that mean "none" in the table\'s clocks.')
    .optional(),
  since: names("Default clock of the table's rules: a column, max(table.column), or several.").optional(),
  columns: z.record(z.string(), column).describe('Columns by name.').optional(),
  archive: terms(rowTerm, 'The row is moved to the archive.').optional(),
  purge: terms(rowTerm, 'The row is deleted, from the archive too.').optional(),
  minimum: minimum('the row and all its values'),
  partitions: z
    .enum(['delete', 'drop', 'detach', 'detach concurrently'])
    .describe(
      'What happens to a partition that is over and of which every row is due for purge. Default: delete, row by row.',
    )
    .optional(),
  with: z
    .union([z.literal('parent'), z.array(z.string()).min(1, 'must name at least one column')])
    .describe(
      'Rows go with the row they refer to: parent, or the referring columns where there are several references.',
    )
    .optional(),
  unlink: names('Referring columns that are set to null when the row they refer to goes.').optional(),
})

const link = object({
  kind: z
    .enum(['own', 'share', 'mention', 'ignore'])
    .describe(
      'own: about this person alone; share: about several; mention: of somebody else, naming them; ignore.',
    ),
  with: z.literal('parent').describe('The row goes with the row it refers to.').optional(),
  to: text('Table referred to, where no foreign key says so.').optional(),
  columns: z
    .record(z.string(), z.string())
    .describe('Referring column: column referred to, where no foreign key says so.')
    .optional(),
  on_erasure: object({
    retain: delay,
    since: text('Clock of the retention.'),
    basis: text('Law that demands it.'),
  })
    .describe('What a law keeps when the person is forgotten.')
    .optional(),
})

const subject = object({
  table: text('Table with one row for each of them.'),
  identifiers: z.array(z.string()).describe('Columns they are looked up by.').optional(),
  links: z
    .record(z.string(), z.union([link, z.array(link).min(1, 'must have at least one link')]))
    .describe(
      'How other tables belong to them: a link, or a list where a table refers to them several times.',
    )
    .optional(),
})

const controller = object({
  title: text('Name for people to read.').optional(),
  time_zone: text('IANA name of the zone in which its days begin and end.'),
  reference: z
    .string('must be text: put it in quotes')
    .describe("Its value, as text, in the tables' controller columns.")
    .optional(),
})

const override = object({
  since: table.shape.since,
  columns: z.record(z.string(), object(columnRules)).describe('Columns by name.').optional(),
  archive: table.shape.archive,
  purge: table.shape.purge,
  minimum: table.shape.minimum,
})

const view = object({
  shows: z
    .enum(['people', 'figures', 'refreshed copy'])
    .describe(
      'people: their rows, as they are now; figures: groups of people, counted; refreshed copy: a materialized view that somebody refreshes at least once a day.',
    ),
  counts: names('Of figures: the columns that say how many people a row is about.').optional(),
})

const waiver = object({
  finding: text('Code of the finding, as lethe check prints it.'),
  object: text('What it is about, as lethe check prints it.'),
  until: z.iso
    .date('must be a day, such as "2027-01-31"')
    .describe('The last day on which the finding is not reported.'),
  reason: text('Why, for whoever reads it when it ends.'),
})

/** A policy file. */
export const policySchema = object({
  version: z
    .literal(1, 'must be 1: this version of Lethe reads no other')
    .describe('Version of this format.'),
  controller: word('The only controller, where there is one.').optional(),
  time_zone: text('Time zone of the only controller.').optional(),
  controllers: z.record(word("A controller's name."), controller).describe('Controllers by name.').optional(),
  subjects: z.record(word("A subject type's name."), subject).describe('Kinds of people by name.').optional(),
  tables: z.record(z.string(), table).describe('Managed tables, schema.table.').optional(),
  overrides: z
    .record(z.string(), z.record(z.string(), override))
    .describe('What a controller decides otherwise: by controller, then table.')
    .optional(),
  views: z
    .record(z.string(), view)
    .describe("Views and materialized views over people's data, schema.view, and what they show.")
    .optional(),
  waivers: z
    .array(waiver)
    .describe('Findings of lethe check that somebody has taken on, until a day.')
    .optional(),
}).superRefine((policy, context) => {
  if (policy.controller !== undefined && policy.time_zone === undefined) {
    context.addIssue({ code: 'custom', path: ['controller'], message: 'needs its time_zone beside it' })
  }
  if (policy.time_zone !== undefined && policy.controller === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['time_zone'],
      message: 'belongs to a controller: name it beside',
    })
  }
})

/** A policy as it is read from a file and given to the database. */
export type Policy = z.infer<typeof policySchema>
