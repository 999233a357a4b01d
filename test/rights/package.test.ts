/** The files of an answer: what a person reads, what a program reads, and who can open it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asCsv } from '../../src/rights/csv.ts'
import { PersonalData, type PersonalTable } from '../../src/rights/document.ts'
import { asHtml } from '../../src/rights/html.ts'
import { openPackage, packageFiles, sealPackage, tokenHash } from '../../src/rights/package.ts'

const NASTY = `<script>alert("x")</script>&'`

function table(
  columns: string[],
  rows: Record<string, unknown>[],
  more: Partial<PersonalTable> = {},
): PersonalTable {
  return {
    table: 'c.People',
    kind: 'root',
    place: 'live',
    key: ['id'],
    rules: [],
    columns: columns.map((name) => ({
      name,
      category: 'contact',
      purposes: [],
      legal_basis: 'not recorded',
      source: 'not recorded',
      rules: [],
    })),
    rows: rows.map((values) => ({ values, until: { row: null, columns: {} } })),
    ...more,
  }
}

const document = (...tables: PersonalTable[]): PersonalData =>
  PersonalData.parse({
    format: 1,
    kind: 'access',
    request: 7,
    subject: 'person',
    controller: { name: 'north', title: NASTY, time_zone: 'America/St_Johns' },
    generated_at: '2026-11-24T00:00:00Z',
    tables,
    recipients: [
      { name: NASTY, since: '2024-02-03', until: null },
      { name: 'gone', since: '2024-02-03', until: '2025-06-07' },
    ],
    source: 'not recorded',
    automated_decisions: 'not recorded',
    rights: ['access', 'complaint'],
  })

/** RFC 4180, read by somebody who did not write it. A field without quotes that is empty is null. */
function parseCsv(text: string): (string | null)[][] {
  const lines: (string | null)[][] = []
  let line: (string | null)[] = []
  let at = 0
  while (at < text.length) {
    let field: string | null = ''
    if (text[at] === '"') {
      const body = /^(?:[^"]|"")*/.exec(text.slice(at + 1))![0]
      field = body.replaceAll('""', '"')
      at += body.length + 2
    } else {
      const body = /^[^,\r\n"]*/.exec(text.slice(at))![0]
      field = body === '' ? null : body
      at += body.length
    }
    line.push(field)
    if (text[at] === ',') {
      at += 1
      if (text[at] === '\r') line.push(null)
    }
    if (text.startsWith('\r\n', at)) {
      at += 2
      lines.push(line)
      line = []
    }
  }
  return lines
}

describe('CSV', () => {
  it('comes back as it was, whatever the text, but for what a spreadsheet would run', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '"', ',', '\r\n', 'a"b', '""'),
      fc.constant(null),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { maxLength: 5 }), (rows) => {
        const text = asCsv(
          table(
            ['a', 'b"c'],
            rows.map(([a, b]) => ({ a, 'b"c': b })),
          ),
        )
        const read = parseCsv(text)
        expect(read[0]).toEqual(['a', 'b"c'])
        const spared = (field: string | null): string | null =>
          field !== null && /^[=+\-@\t\r]/.test(field) && !/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(field)
            ? `'${field}`
            : field
        expect(read.slice(1)).toEqual(rows.map((row) => row.map(spared)))
      }),
    )
  })

  it.each([
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['+33 1 23', `'+33 1 23`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['\tx', `'\tx`],
    ['-12.50', '-12.50'],
    [-3, '-3'],
    [{ a: [1] }, `"{""a"":[1]}"`],
  ])('writes %j as %s', (value, field) => {
    expect(asCsv(table(['a'], [{ a: value }]))).toBe(`a\r\n${field}\r\n`)
  })
})

describe('the readable page', () => {
  it.each(['en', 'fr'] as const)('in %s runs nothing, loads nothing, and says all there is', (language) => {
    const page = asHtml(
      document(table(['id', NASTY], [{ id: NASTY, [NASTY]: null }], { table: NASTY, rules: [NASTY] })),
      language,
    )
    expect(page).toMatch(new RegExp(`^<!doctype html>\\s*<html lang="${language}">`))
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|url\(|@import|https?:/i)
    expect(page.match(/&#60;script&#62;/g)!.length).toBeGreaterThanOrEqual(7)
    expect(page).toContain('2024-02-03')
    expect(page).toMatch(/gone \(.* 2024-02-03 .* 2025-06-07\)/)
    // Every table says what its headers are for.
    expect(page.match(/<table>/g)!.length).toBe(page.match(/<caption>/g)!.length)
    expect(page).not.toMatch(/<th\b(?! scope)/)
  })

  it('says of a day that has come that it is due, and where no day is known what decides', () => {
    const one = table(['a', 'b'], [{ a: 1, b: 2 }], { rules: ['goes with its order.'] })
    one.rows[0]!.until.columns.a = '2026-11-24'
    const page = asHtml(document(one), 'en')
    expect(page).toContain('<td>1</td><td>2026-11-24 (due)</td>')
    expect(page).toContain('<td>2</td><td>see above</td>')
    expect(page).toContain('<td>as long as its row</td>')
    expect(page).not.toContain('no period is set')
  })

  it('shows the day of a value, or that of its row when it comes first', () => {
    const one = table(['a', 'b', 'c'], [{ a: 1, b: 2, c: 3 }])
    one.rows[0]!.until = { row: '2031-01-01', columns: { a: '2027-05-05', c: '2035-05-05' } }
    const page = asHtml(document(one), 'en')
    expect(page).toContain('<th scope="row">a</th><td>1</td><td>2027-05-05</td>')
    expect(page).toContain('<th scope="row">b</th><td>2</td><td>2031-01-01</td>')
    expect(page).toContain('<th scope="row">c</th><td>3</td><td>2031-01-01</td>')
  })
})

describe('a package', () => {
  const files = packageFiles(
    document(
      table(['id'], [{ id: 1 }]),
      table(['id'], [{ id: 2 }], { table: '../../etc/passwd', kind: 'own' }),
      table(['id'], [], { table: '..-..-etc-passwd', kind: 'own', place: 'archive' }),
      table(['id'], [], { table: '.._.._etc_passwd', kind: 'own' }),
    ),
    'en',
  )

  it('has a file a table, under names that lead nowhere else', () => {
    const names = Object.keys(files)
    expect(names).toHaveLength(6)
    expect(names).toContain('c.People-root.csv')
    for (const name of names) expect(name).toMatch(/^[\w.-]+\.(json|html|csv)$/)
    expect(PersonalData.parse(JSON.parse(files['data.json']!)).tables).toHaveLength(4)
  })

  it('keeps tables apart whose names differ by case alone, where files do not', () => {
    const names = Object.keys(
      packageFiles(
        document(
          table(['id'], [], { table: 'a.B' }),
          table(['id'], [], { table: 'a.b' }),
          table(['id'], [], { table: 'A.b' }),
        ),
        'en',
      ),
    )
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(5)
  })

  it('opens with its token, and with no other', () => {
    const sealed = sealPackage(files)
    expect(sealed.token).toMatch(/^[0-9a-f]{64}$/)
    expect(openPackage(sealed.token, sealed.content)).toEqual(files)
    expect(openPackage(` ${sealed.token}\n`, sealed.content)).toEqual(files)
    expect(tokenHash(sealed.token)).toEqual(sealed.tokenHash)
    const other = sealPackage(files)
    expect(other.token).not.toBe(sealed.token)
    expect(() => openPackage(other.token, sealed.content)).toThrow(expect.objectContaining({ code: 'LE464' }))
    expect(() => openPackage('short', sealed.content)).toThrow(expect.objectContaining({ code: 'LE464' }))
    expect(sealed.content.includes(Buffer.from(sealed.token, 'hex'))).toBe(false)
    expect(sealed.content.includes('People')).toBe(false)
  })

  it('does not open when a byte of it was changed', () => {
    const { token, content } = sealPackage({ 'a.json': '{}' })
    for (let at = 0; at < content.length; at++) {
      const changed = Buffer.from(content)
      changed[at]! ^= 1
      expect(() => openPackage(token, changed)).toThrow(expect.objectContaining({ code: 'LE464' }))
    }
  })
})
