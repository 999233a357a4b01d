/**
 * What the demo's people are called and where they live. Invented combinations of ordinary names, with
 * what real lists hold: accents, apostrophes, one letter, four-byte characters, a backslash.
 * Telephone numbers, domains and streets are of the kinds reserved for fiction.
 */

/** What differs between the two publishers' readers. */
export interface Region {
  publisher: number
  timeZone: string
  country: string
  given: readonly string[]
  family: readonly string[]
  streets: readonly string[]
  /** City, postcode prefix, latitude, longitude. */
  cities: readonly (readonly [string, string, number, number])[]
  phonePrefix: string
  titles: readonly number[]
}

/** A list of words with commas between them. */
function words(text: string): string[] {
  return text.split(',').map((word) => word.trim())
}

/** The readers of publisher 1. */
export const NORTH: Region = {
  publisher: 1,
  timeZone: 'Europe/Paris',
  country: 'FR',
  given: words(`
    Anaïs, Benoît, Chloé, Désiré, Élise, François, Gaëlle, Hélène, Inès, Jérôme, Karim,
    Loïc, Maëlle, Noémie, Océane, Pierre, Quentin, Raphaël, Søren, Théo, Ulysse, Violette,
    William, Xavier, Y, Zoë, Åsa, Łucja, 健太, 𠮷, Ana 🦊`),
  family: words(`
    Aubert, Bélanger, D'Angelo, Château, Durand, Étienne, Fèvre, Garçon, Hénault, Ibáñez,
    Jacquet, Kœnig, Lefèvre, Müller, Nuñez, O'Neill, Petit, Quéré, Rœderer, Strauß,
    Tréville, Ünal, de La Tour, Weiß, Xénakis, Yıldız, Żak, 𠮷田, Le\\Roy, N`),
  streets: words(`
    rue des Lilas, avenue du Général-Exemple, quai de l’Île, impasse Sans-Nom,
    place de la Fontaine`),
  cities: [
    ['Paris', '750', 48.8566, 2.3522],
    ['Lyon', '690', 45.764, 4.8357],
    ['Saint-Étienne', '420', 45.4397, 4.3872],
    ['Brest', '292', 48.3904, -4.4861],
    ['Besançon', '250', 47.2378, 6.0241],
  ],
  phonePrefix: '+33 1 99 00 ',
  titles: [1, 2, 3],
}

/** The readers of publisher 2. */
export const SOUTH: Region = {
  publisher: 2,
  timeZone: 'America/Sao_Paulo',
  country: 'BR',
  given: words(`
    André, Beatriz, Conceição, Davi, Estêvão, Flávia, Gonçalo, Heloísa, Iara, João, Kauã,
    Letícia, Mônica, Natália, Otávio, Patrícia, Quitéria, Raí, Simão, Thaís, Ubirajara,
    Vitória, Zé, 美咲, 𝒜da`),
  family: words(`
    Araújo, Brandão, Conceição, D'Ávila, Evangelista, Falcão, Guimarães, Hoffmann, Inácio,
    Junqueira, Kubitschek, Leitão, Magalhães, Nóbrega, Oliveira, Paixão, Queirós, Rondón,
    São João, Tavares, Uchôa, Vasconcelos, Ximenes, Zagallo, 田中`),
  streets: words(`
    Rua das Palmeiras, Avenida do Exemplo, Travessa São Ninguém, Praça da Matriz`),
  cities: [
    ['São Paulo', '010', -23.5505, -46.6333],
    ['Florianópolis', '880', -27.5954, -48.548],
    ['Brasília', '700', -15.7939, -47.8828],
    ['Maceió', '570', -9.6498, -35.7089],
  ],
  phonePrefix: '+55 11 5550-',
  titles: [4, 5],
}

/** Rows of audience.publishers and audience.titles; their numbers are what {@link Region} refers to. */
export const PUBLISHERS = [
  [1, 'Northern Press', 'FR', 'Europe/Paris'],
  [2, 'Editora do Sul', 'BR', 'America/Sao_Paulo'],
] as const

export const TITLES = [
  [1, 1, 'Le Courrier du Nord', 'fr', '249.00'],
  [2, 1, 'Jardins & Terrasses', 'fr', '59.90'],
  [3, 1, 'The Northern Review', 'en', '89.00'],
  [4, 2, 'Diário do Sul', 'pt', '480.00'],
  [5, 2, 'Cozinha de Família', 'pt', '120.00'],
] as const

/** What the help desk writes; `{email}`, `{phone}` and `{name}` are filled in. */
export const NOTES = [
  '{name} called from {phone}: the issue of Saturday never came.',
  'Asked us to write to {email} from now on, not to the office.',
  'Refund agreed. Bank details to follow by e-mail from {email} (tel. {phone}).',
  'Neighbour (neighbour@example.com, +33 6 39 98 00 42) takes the paper in during August.',
  'Complaint about the crossword of 14 March; called back, settled.',
  'Moved. New address confirmed by telephone, {phone}.',
] as const

export const AGENTS = ['s.moreau', 'l.costa', 'j.smith'] as const

export const USER_AGENTS = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36',
] as const

export const INTERESTS = [
  'politics',
  'gardening',
  'chess',
  'cooking',
  'cinema',
  'sailing',
  'poetry',
  'football',
] as const
