/** What names and values say, without a schema around them. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { MEANINGS } from '../../src/discover/dictionary.ts'
import { labelSql } from '../../src/discover/labels.ts'
import { meaningByName } from '../../src/discover/meaning.ts'
import { METHOD_FACTS } from '../../src/discover/methods.ts'
import { wordsOf } from '../../src/discover/words.ts'
import { createDatabase, type TestDatabase } from '../helpers/database.ts'

let db: TestDatabase
beforeAll(async () => {
  db = await createDatabase()
})
afterAll(() => db?.drop())

describe('a name', () => {
  it.each([
    ['email', 'email'],
    ['Adresse e-mail', 'email'],
    ['courriel', 'email'],
    ['mél', 'email'],
    ['firstName', 'given name'],
    ['PRENOM', 'given name'],
    ['Prénom', 'given name'],
    ['nom_de_famille', 'family name'],
    ['date_naissance', 'birth date'],
    ['dateNaissance', 'birth date'],
    ['dob', 'birth date'],
    ['code_postal', 'postcode'],
    ['zipCode', 'postcode'],
    ['téléphone_portable', 'phone'],
    ['N° Sécu', 'national number'],
    ['iban', 'account number'],
    ['mot_de_passe', 'secret'],
    ['user_agent', 'user agent'],
    ['adresse_ip', 'ip address'],
    ['ReligionDeclarée', 'belief'],
    ['groupe_sanguin', 'health'],
    ['siret', 'company number'],
  ])('%s means %s, however it is written', (name, meaning) => {
    expect(meaningByName({ name, kind: 'text' })?.meaning.name).toBe(meaning)
  })

  it.each([
    ['email_status', 'text'],
    ['type_adresse', 'text'],
    ['email_verified_at', 'time'],
    ['customer_id', 'number'],
    ['phone', 'boolean'],
    ['birth_date', 'json'],
  ] as const)(
    '%s of type %s is about something, or a key, or of another type, and means no person',
    (name, kind) => {
      expect(meaningByName({ name, kind })).toBeNull()
    },
  )

  it('has no phrase in the dictionary that could never match', () => {
    const dead = MEANINGS.flatMap(({ name, phrases, types }) =>
      phrases.split(',').flatMap((phrase) => {
        if (wordsOf(phrase).join(' ') !== phrase) return [`${name}: ${phrase}`]
        return types.some((kind) => meaningByName({ name: phrase, kind }) !== null)
          ? []
          : [`${name}: ${phrase}`]
      }),
    )
    expect(dead).toEqual([])
  })
})

test('the methods that discover knows ask of a column what lethe.methods says', async () => {
  const rows = await db.query<{
    name: string
    types: string[]
    unique: boolean
    nulls: boolean
    short: number | null
    least: number | null
  }>(`
    select name, type_categories as types, keeps_unique as unique, nulls_out as nulls, length_min as short, length_min_unique as least
    from lethe.methods`)
  for (const [name, facts] of Object.entries(METHOD_FACTS)) {
    const row = rows.find((candidate) => candidate.name === name)
    expect(row, name).toMatchObject({ unique: facts.keepsUnique ?? false, nulls: facts.nullsOut ?? false })
    expect(row!.short ?? 0, name).toBe(facts.lengthMin ?? 0)
    expect(row!.least ?? 0, name).toBe(facts.lengthMinUnique ?? 0)
    // Letters stand for whole categories there, of which a few types are known here.
    if (name !== 'constant') expect([...facts.types].sort(), name).toEqual([...row!.types].sort())
  }
})

describe('a value', () => {
  const labelsOf = async (values: string[]): Promise<(string | null)[]> => {
    const rows = await db.query<{ label: string | null }>(
      `select ${labelSql('x.v', `'text'`)} as label from unnest($1::text[]) with ordinality as x (v, n) order by x.n`,
      [values],
    )
    return rows.map(({ label }) => label)
  }
  const digits = (length: number) =>
    fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
      .map((all) => all.join(''))

  it('is an IBAN, a NIR or a card exactly when its check digits are right', async () => {
    const iban = digits(23).map((account) => {
      const check = 98n - (BigInt(`${account}152700`) % 97n)
      return [
        `FR${String(check).padStart(2, '0')}${account}`,
        `FR${String((check % 97n) + 1n).padStart(2, '0')}${account}`,
      ] as const
    })
    const nir = fc
      .tuple(fc.constantFrom('1', '2'), digits(4), fc.constantFrom('75', '2A', '2B', '99'), digits(6))
      .map((parts) => {
        const number = parts.join('')
        const key = 97n - (BigInt(number.replace('2A', '19').replace('2B', '18')) % 97n)
        return [
          `${number}${String(key).padStart(2, '0')}`,
          `${number}${String((key % 97n) + 1n).padStart(2, '0')}`,
        ] as const
      })
    const card = digits(14).map((rest) => {
      const sum = [...`4${rest}`]
        .reverse()
        .reduce(
          (total, digit, n) =>
            total + [...String(Number(digit) * (n % 2 === 0 ? 2 : 1))].reduce((s, d) => s + Number(d), 0),
          0,
        )
      const check = (10 - (sum % 10)) % 10
      return [`4${rest}${check}`, `4${rest}${(check + 1) % 10}`] as const
    })
    for (const [label, values] of [
      ['iban', iban],
      ['nir', nir],
      ['card', card],
    ] as const) {
      await fc.assert(
        fc.asyncProperty(values, async ([right, wrong]) => {
          fc.pre(right !== wrong)
          const [found, other] = await labelsOf([right, wrong])
          expect(found).toBe(label)
          expect(other).not.toBe(label)
        }),
        { numRuns: 60 },
      )
    }
  })

  it('gets one label or none, whatever it is, and never an error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { minLength: 1, maxLength: 20 }),
        async (values) => {
          const plain = values.map((value) => value.replaceAll('\0', ''))
          expect(await labelsOf(plain)).toHaveLength(plain.length)
        },
      ),
      { numRuns: 60 },
    )
  })
})
