/** What a column means: by its name, by its comment, by what its values look like. The three are weighed in categories.ts. */
import type { Column } from './catalogue.ts'
import { ABOUT_FIRST, ABOUT_LAST, KEY_WORDS, MEANINGS, type Meaning } from './dictionary.ts'
import type { LABELS } from './labels.ts'
import type { Evidence } from './sample.ts'
import { phraseAt, singular, wordsOf } from './words.ts'

/** A meaning, and what speaks for it, as the beginning of a sentence. */
export interface Found {
  meaning: Meaning
  why: string
}

interface Entry {
  meaning: Meaning
  phrase: string
  length: number
}

const ENTRIES: readonly Entry[] = MEANINGS.flatMap((meaning) =>
  meaning.phrases.split(',').map((phrase) => ({ meaning, phrase, length: phrase.split(' ').length })),
)

/** By the name alone; null: the name says nothing that its type allows. */
export function meaningByName({ name, kind }: Pick<Column, 'name' | 'kind'>): Found | null {
  const key = `${kind}\n${name}`
  const known = KNOWN.get(key)
  if (known !== undefined) return known
  const found = readName({ name, kind })
  KNOWN.set(key, found)
  return found
}

/** Names come again and again. */
const KNOWN = new Map<string, Found | null>()

function readName(column: Pick<Column, 'name' | 'kind'>): Found | null {
  const words = wordsOf(column.name)
  if (isAbout(words)) return null
  const best = longest(words, column)
  if (!best) return null
  // A number that is only called a number counts something, unless that is all its name says.
  if (best.meaning.name === 'reference' && column.kind === 'number' && best.length === 1 && words.length > 1)
    return null
  // `customer_id` is a reference and says nothing else; `tracking_id` is a phrase of its own.
  if (
    isKeyLike(words) &&
    !best.phrase.split(' ').some((word) => KEY_WORDS.has(word)) &&
    !(best.meaning.name === 'place' && column.kind === 'text')
  )
    return null
  return { meaning: best.meaning, why: `named like ${titleOf(best.meaning.name)}` }
}

/** By the comment, where it has a phrase that leaves no doubt. */
export function meaningByComment(column: Pick<Column, 'comment' | 'kind'>): Found | null {
  if (!column.comment) return null
  const best = longest(
    wordsOf(column.comment),
    column,
    ({ meaning, phrase, length }) =>
      meaning.name !== 'thing' &&
      !meaning.doubtful &&
      (!meaning.ofPeople || meaning.name === 'free text') &&
      (length > 1 || CERTAIN.has(phrase)),
  )
  return best ? { meaning: best.meaning, why: `its comment speaks of ${titleOf(best.meaning.name)}` } : null
}

/** Single words that mean one thing even inside a sentence. */
const CERTAIN = new Set(
  'email courriel telephone iban nir passport passeport password religion nationality nationalite diagnosis birthday cookie siret'.split(
    ' ',
  ),
)

/** By what the values look like: most of them, or, for text that quotes people, a few. */
export function meaningByValues(evidence: Evidence | undefined): Found | null {
  if (!evidence || evidence.filled === 0) return null
  const { filled, labels } = evidence
  for (const [label, name, share] of BY_LABEL) {
    const count = labels[label] ?? 0
    if (count >= 3 && count >= share * filled)
      return {
        meaning: named(name),
        why: `${percent(count, filled)} of the values sampled are ${NOUNS[label] ?? label}`,
      }
  }
  for (const [label, name] of BY_TRACE) {
    const count = labels[label] ?? 0
    if (count > 0)
      return {
        meaning: named(name),
        why: `${percent(count, filled)} of the values sampled ${NOUNS[label] ?? label}`,
      }
  }
  return null
}

/** True for what a few of the values are enough for; a name says more than they do. */
export function isTrace({ meaning }: Found): boolean {
  return meaning.name === 'free text' || meaning.name === 'document'
}

type Label = (typeof LABELS)[number]

const BY_LABEL: readonly (readonly [Label, string, number])[] = [
  ['email', 'email', 0.5],
  ['iban', 'account number', 0.5],
  ['nir', 'national number', 0.5],
  ['card', 'card number', 0.9],
  ['phone', 'phone', 0.6],
  ['ip', 'ip address', 0.6],
  ['user agent', 'user agent', 0.5],
  ['secret', 'secret', 0.6],
]

const BY_TRACE: readonly (readonly [Label, string])[] = [
  ['text with email', 'free text'],
  ['email', 'free text'],
  ['json with email', 'document'],
  ['json with person', 'document'],
]

const NOUNS: Partial<Record<Label, string>> = {
  email: 'e-mail addresses',
  iban: 'IBANs, check digits and all',
  nir: 'NIRs, key and all',
  card: 'card numbers, check digit and all',
  phone: 'telephone numbers',
  ip: 'IP addresses',
  'user agent': 'user agents',
  secret: 'hashed passwords',
  'text with email': 'have an e-mail address inside',
  'json with email': 'have an e-mail address inside',
  'json with person': 'have members such as a name or an e-mail',
}

/** Rounded so that a figure tells about a table and never about one row. */
export function percent(count: number, total: number): string {
  const share = (100 * count) / total
  return share >= 99.5 ? 'all' : share < 1 ? 'a few' : `${Math.round(share)} %`
}

/** The first meaning of that name. */
export function named(name: string): Meaning {
  const meaning = MEANINGS.find((candidate) => candidate.name === name)
  if (!meaning) throw new Error(`no meaning ${name}`)
  return meaning
}

/** True for `customer_id`, `id_client`, `uuid`. */
export function isKeyLike(words: readonly string[]): boolean {
  return KEY_WORDS.has(words.at(-1) ?? '') || KEY_WORDS.has(words[0] ?? '')
}

/** True for `email_status` and `nb_enfants_declares`: about something, and not it. */
export function isAbout(words: readonly string[]): boolean {
  if (words.length < 2) return false
  const last = words.at(-1)!
  const first = words[0]!
  if (ABOUT_LAST.has(last)) return !EXCEPTIONS.some((phrase) => words.join(' ').endsWith(phrase))
  return ABOUT_FIRST.has(first) && !EXCEPTIONS.some((phrase) => words.join(' ').startsWith(phrase))
}

const EXCEPTIONS = [
  'marital status',
  'civil status',
  'blood type',
  'nombre enfant',
  'nb enfant',
  'child count',
  'children count',
  'household size',
  'spent total',
  'is pregnant',
  'etat civil',
  'is smoker',
  'est enceinte',
  'est fumeur',
  'has disability',
  'income level',
]

/** Entries by the words that a name must have for them to match: the first one, or all of them in one. */
const BY_WORD = Map.groupBy(
  ENTRIES.flatMap((entry) => {
    const words = entry.phrase.split(' ')
    return words.length === 1
      ? [{ word: entry.phrase, entry }]
      : [words[0]!, words.join('')].map((word) => ({ word, entry }))
  }),
  ({ word }) => word,
)

function longest(
  words: readonly string[],
  { kind }: Pick<Column, 'kind'>,
  admits: (entry: Entry) => boolean = () => true,
): Entry | undefined {
  let best: (Entry & { at: number }) | undefined
  for (const entry of new Set(
    words
      .flatMap((word) => [word, singular(word)])
      .flatMap((word) => BY_WORD.get(word) ?? [])
      .map(({ entry }) => entry),
  )) {
    if (best && entry.length < best.length) continue
    if (!entry.meaning.types.includes(kind) || !admits(entry)) continue
    const at = phraseAt(words, entry.phrase)
    if (at < 0) continue
    if (
      !best ||
      entry.length > best.length ||
      at > best.at ||
      (kind === 'number' && entry.meaning.name === 'thing')
    )
      best = { ...entry, at }
  }
  return best
}

/** A meaning in a sentence. */
function titleOf(noun: string): string {
  if (TITLES[noun]) return TITLES[noun]
  return /^[aeio]/.test(noun) ? `an ${noun}` : `a ${noun}`
}

const TITLES: Readonly<Record<string, string>> = {
  email: 'an e-mail address',
  'ip address': 'an IP address',
  work: 'a job, a title or a company',
  place: 'a place where somebody lives',
  state: 'a region',
  thing: 'a thing',
  health: 'health',
  belief: 'a belief',
  origin: 'an origin',
  'sex life': 'a sex life',
  body: 'a body',
  household: 'a household',
  income: 'what somebody has or is worth',
  education: 'an education',
  'free text': 'free text',
  position: 'a position on the map',
  'web presence': 'a presence on the web',
  'date of life': 'a day of a life',
}
