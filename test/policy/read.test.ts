import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { LetheError } from '../../src/errors.ts'
import { fromPointer, PolicyFileError, parsePolicy } from '../../src/policy/read.ts'

const GOOD = `version: 1
controller: default
time_zone: Europe/Paris
tables:
  audience.contacts:
    since: last_activity_at
    columns:
      email:
        category: contact
        anonymize:
          - {purpose: marketing, after: P3Y, using: pseudonym_email}
          - {purpose: billing, after: P1Y, since: paid_on, using: pseudonym_email}
      phone: {anonymize: {after: P3Y, using: suppress}}
    purge: {after: P10Y}
  "odd/na~me.T": {with: parent}
`

/** The problems of the good file with `from` replaced by `to`. */
function problems(from: string, to: string): string[] {
  const text = GOOD.replace(from, to)
  expect(text).not.toBe(GOOD)
  return problemsOf(text)
}

function problemsOf(text: string): string[] {
  try {
    parsePolicy(text, 'p.yaml')
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error
    return error.problems.map(({ code, line, column, sentence }) => `${code} ${line}:${column} ${sentence}`)
  }
  throw new Error('expected a refusal')
}

describe('a policy file', () => {
  it('is read as it stands, into what the database takes', () => {
    const { policy } = parsePolicy(GOOD, 'p.yaml')
    expect(policy.tables?.['audience.contacts']?.columns?.phone).toEqual({
      anonymize: { after: 'P3Y', using: 'suppress' },
    })
    expect(policy.tables?.['odd/na~me.T']).toEqual({ with: 'parent' })
  })

  it('may be JSON', () => {
    const { policy } = parsePolicy(GOOD, 'p.yaml')
    expect(parsePolicy(JSON.stringify(policy), 'p.json').policy).toEqual(policy)
  })

  it('the demo ships is read, and uses all ten methods', async () => {
    const text = await readFile(new URL('../../sql/audience/policy.yaml', import.meta.url), 'utf8')
    expect(parsePolicy(text, 'policy.yaml').policy.version).toBe(1)
    const methods = [
      'suppress',
      'constant',
      'partial',
      'pseudonym',
      'pseudonym_email',
      'pseudonym_uuid',
      'generalize_date',
      'generalize_number',
      'generalize_ip',
      'scrub',
    ]
    for (const method of methods) expect(text).toMatch(new RegExp(`(using|method): ${method}\\b`))
  })

  it('says what an error names, with file, line and column', () => {
    expect(() => parsePolicy(GOOD.replace('P10Y', 'ten years'), 'dir/p.yaml')).toThrow(
      'dir/p.yaml:14:20: after is no period: "ten years"; write it as ISO 8601, P30D, P2W, P18M or P3Y',
    )
  })

  it('tells every problem, in the order of the file', () => {
    const text = GOOD.replace('purge:', 'purg:').replace('category', 'kategory').replace('P1Y', '-P1Y')
    expect(problemsOf(text).map((problem) => problem.slice(0, 12))).toEqual([
      'LE106 9:9 un',
      'LE301 12:39 ',
      'LE106 14:5 u',
    ])
    expect(() => parsePolicy(text, 'p.yaml')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('p.yaml:14:5: unknown key "purg"') }),
    )
  })
})

describe('an unknown key', () => {
  it.each([
    ['anonymize:', 'anonymise:', 'LE106 10:9 unknown key "anonymise"; did you mean anonymize?'],
    ['    since:', '    Since:', 'LE106 6:5 unknown key "Since"; did you mean since?'],
    ['time_zone:', 'timezone:', 'LE106 3:1 unknown key "timezone"; did you mean time_zone?'],
    [
      'purpose: billing',
      'reason: billing',
      'LE106 12:14 unknown key "reason"; there may be purpose, after, since, when, using',
    ],
    [
      'tables:',
      'colour: red\ntables:',
      'LE106 4:1 unknown key "colour"; there may be version, controller, time_zone, controllers, subjects, tables, overrides, views, waivers',
    ],
  ])('%s → %s is refused at its place, with what was meant', (from, to, problem) => {
    expect(problems(from, to)).toContain(problem)
  })
})

describe('a delay', () => {
  it.each([
    ['3', 'has no unit'],
    ['"3"', 'is without a unit: "3"'],
    ['P1.5Y', 'is not a whole number: "P1.5Y"'],
    ['"P1,5Y"', 'is not a whole number: "P1,5Y"'],
    ['-P3Y', 'is negative: "-P3Y"'],
    ['P-3Y', 'is negative: "P-3Y"'],
    ['PT5H', 'is finer than a day: "PT5H"'],
    ['P1DT5H', 'is finer than a day: "P1DT5H"'],
    ['P0D', 'is zero: "P0D"'],
    ['P0Y0M', 'is zero: "P0Y0M"'],
    ['P', 'is no period: "P"'],
    ['3 years', 'is no period: "3 years"'],
    ['P1D2M', 'is no period: "P1D2M"'],
    ['p3y', 'is no period: "p3y"'],
    ['""', 'is no period: ""'],
    ['null', 'has no unit'],
    ['[P3Y]', 'has no unit'],
  ])('of %s is refused with its place (LE301)', (delay, sentence) => {
    const [problem, ...others] = problems('{after: P10Y}', `{after: ${delay}}`)
    expect(problem).toMatch(/^LE301 14:20 after /)
    expect(problem).toContain(`after ${sentence}`)
    expect(others).toEqual([])
  })

  it.each(['P1D', 'P30D', 'P2W', 'P18M', 'P3Y', 'P1Y6M', 'P1Y2M3W4D', 'P10D'])('of %s is taken', (delay) => {
    expect(
      parsePolicy(GOOD.replace('P10Y', delay), 'p.yaml').policy.tables?.['audience.contacts']?.purge,
    ).toEqual({ after: delay })
  })
})

describe('a malformed file', () => {
  it.each([
    [
      'with the same key twice',
      'time_zone: Europe/Paris',
      'time_zone: Europe/Paris\ntime_zone: UTC',
      'LE605 4:1 this key stands here twice',
    ],
    [
      'with the same column twice',
      '      phone:',
      '      email: {}\n      phone:',
      'LE605 13:7 this key stands here twice',
    ],
    ['indented by tabs', '    since:', '\tsince:', 'LE605 6:1 a tab indents this line'],
    ['with an open bracket', '{after: P10Y}', '{after: P10Y', 'LE605 15:3 malformed YAML'],
    ['of two documents', 'tables:', '---\ntables:', 'LE605 4:1 a second document begins here'],
    ['of another version', 'version: 1', 'version: 2', 'LE605 1:10 version must be 1'],
    ['without a version', 'version: 1\n', '', 'LE605 1:1 the policy lacks version'],
    ['with a term without after', 'after: P1Y, ', '', 'LE605 12:13 item 2 of anonymize lacks after'],
    [
      'with a method without its name',
      'using: suppress',
      'using: {metod: suppress}',
      'LE605 13:39 using lacks method',
    ],
    ['with a mapping for text', 'category: contact', 'category: {contact: 1}', 'LE605 9:19 category must be'],
    [
      'with an unknown category',
      'category: contact',
      'category: contacts',
      'LE605 9:19 category must be direct identifier, contact',
    ],
    ['with text for a mapping', '{with: parent}', 'parent', 'LE605 15:18 odd/na~me.T must be a mapping'],
    [
      'with a list of nothing',
      'anonymize: {after: P3Y, using: suppress}',
      'anonymize: []',
      'LE605 13:26 anonymize must have at least one term',
    ],
    [
      'with a controller nobody could type',
      'controller: default',
      'controller: De Fault',
      'LE605 2:13 controller must be lower-case letters',
    ],
    [
      'with a time zone of nobody',
      'controller: default\n',
      '',
      'LE605 2:12 time_zone belongs to a controller',
    ],
    [
      'with an alias to nothing',
      'using: suppress',
      'using: *nothing',
      'LE605 13:46 nothing above bears the anchor &nothing',
    ],
  ])('%s is refused with its place', (_, from, to, problem) => {
    expect(problems(from, to)[0]).toContain(problem)
  })

  it.each([
    ['empty', ''],
    ['a list', '- version: 1'],
    ['a word', 'policy'],
    ['a comment', '# nothing'],
  ])('that is %s is refused', (_, text) => {
    expect(problemsOf(text)[0]).toMatch(/^LE605 1:1 the policy must be a mapping$/)
  })

  it('cannot grow without bound through aliases', () => {
    const bomb = `version: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`
    expect(() => parsePolicy(bomb, 'p.yaml')).toThrow(expect.objectContaining({ code: 'LE605' }))
  })
})

describe('a refusal of the database', () => {
  const file = parsePolicy(GOOD, 'p.yaml')
  const explain = (detail: string | undefined) =>
    file.explain(new LetheError('no such column', { code: 'LE103', detail, hint: 'look' }))

  it.each([
    ['/tables/audience.contacts/columns/email/anonymize/1', '12:13'],
    ['/tables/audience.contacts/columns/email/anonymize', '10:9'],
    ['/tables/audience.contacts/purge', '14:5'],
    ['/tables/odd~1na~0me.T/with', '15:19'],
    ['/tables/audience.contacts/columns/email/purge', '8:7'],
    ['/overrides/south', '1:1'],
    ['/', '1:1'],
  ])('at %s stands at %s, or at what is nearest above it', (pointer, place) => {
    expect(explain(`at ${pointer}`)).toMatchObject({
      message: `p.yaml:${place}: no such column`,
      code: 'LE103',
      hint: 'look',
    })
  })

  it('without a pointer is passed on as it is', () => {
    expect(explain(undefined).message).toBe('no such column')
    expect(explain('at noon').message).toBe('no such column')
  })

  it('keeps RFC 6901: ~1 before ~0', () => {
    expect(fromPointer('/a~1b/m~0n/~01')).toEqual(['a/b', 'm~n', '~1'])
  })
})
