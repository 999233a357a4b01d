/**
 * Names of tables and columns as words: `dateNaissance`, `DATE_NAISSANCE` and `Date de naissance` are the same
 * two. Accents go, small French words go, plurals become singulars in both languages, roughly.
 */

/** Words that say nothing by themselves. */
const SILENT = new Set([
  'a',
  'au',
  'de',
  'du',
  'des',
  'la',
  'le',
  'les',
  'd',
  'l',
  'of',
  'the',
  'et',
  'and',
  'en',
])

/** The words of a name, in lower case, without accents. */
export function wordsOf(name: string): string[] {
  return (
    plain(name)
      .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
      .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .flatMap((part) => part.match(/[a-z]+|\d+/g) ?? [])
      // `emise_le`: the last word says that it is a day.
      .filter((word, n, all) => !SILENT.has(word) || (word === 'le' && n > 0 && n === all.length - 1))
  )
}

/** A comment or a table's name, for phrases to be looked up in: its words as singulars. */
export function singularsOf(text: string): string[] {
  return wordsOf(text).map(singular)
}

/** `companies` company, `addresses` address, `clients` client; `status`, `address`, `bus` stay. */
export function singular(word: string): string {
  if (word.length <= 3 || /(ss|us|is)$/.test(word)) return word
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`
  if (/(sses|shes|ches|xes)$/.test(word)) return word.slice(0, -2)
  return word.endsWith('s') ? word.slice(0, -1) : (IRREGULAR[word] ?? word)
}

const IRREGULAR: Record<string, string> = {
  people: 'person',
  men: 'man',
  women: 'woman',
  children: 'child',
}

/**
 * True when the words of a phrase stand one after the other in a name. A phrase of several words also matches
 * where the name writes them as one: `first name` and `firstname`.
 */
export function hasPhrase(words: readonly string[], phrase: string): boolean {
  return phraseAt(words, phrase) >= 0
}

/** Where the phrase begins in a name; -1: nowhere. */
export function phraseAt(words: readonly string[], phrase: string): number {
  const wanted = phrase.split(' ')
  for (let at = 0; at < words.length; at++) {
    if (wanted.every((word, n) => words[at + n] === word || singular(words[at + n] ?? '') === word)) return at
    if (wanted.length > 1 && words[at] === wanted.join('')) return at
  }
  return -1
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').replaceAll('œ', 'oe').replaceAll('æ', 'ae')
}
