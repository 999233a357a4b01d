/** The words of the readable answer, in the languages it comes in. What the policy says is shown as it is written there. */

/** `fr` or `en`. */
export type Language = 'en' | 'fr'

/** Whether there are words for it. */
export const isLanguage = (word: string): word is Language => Object.hasOwn(WORDS, word)

const en = {
  title: { access: 'Your personal data', portability: 'The data you provided' },
  by: 'kept by',
  made: 'Made on',
  request: 'Request',
  contents: 'Contents',
  about: {
    root: 'about you',
    own: 'belongs to you',
    share: 'shared with other people',
    mention: 'somebody else’s, which names you',
  },
  place: { live: 'in use', archive: 'archived', 'archived values': 'archived values' },
  rows: (n: number) => (n === 1 ? '1 row' : `${n} rows`),
  column: 'Column',
  category: 'Category',
  purposes: 'Purposes',
  basis: 'Legal basis',
  source: 'Source',
  kept: 'How long it is kept',
  value: 'Value',
  until: 'Kept until',
  untilRow: 'The whole row is deleted on',
  noRule: 'no period is set',
  row: 'Row',
  mask: '*** stands where other people’s data are.',
  recipients: 'Who received your data',
  noRecipients: 'No recipient is recorded.',
  since: 'since',
  upTo: 'until',
  sourceText: 'Where the data come from',
  automated: 'Automated decisions',
  rights: 'Your rights',
  rightsText: {
    access: 'to know what is kept about you, and to have a copy (Art. 15 GDPR)',
    rectification: 'to have what is wrong corrected (Art. 16)',
    erasure: 'to be forgotten (Art. 17)',
    restriction: 'to have your data stored and not used (Art. 18)',
    portability: 'to take the data you provided with you (Art. 20)',
    objection: 'to object to their use (Art. 21)',
    complaint: 'to complain to a supervisory authority (Art. 77)',
  } as Record<string, string>,
  notRecorded: 'not recorded',
}

const fr: typeof en = {
  title: { access: 'Vos données personnelles', portability: 'Les données que vous avez fournies' },
  by: 'conservées par',
  made: 'Établi le',
  request: 'Demande',
  contents: 'Sommaire',
  about: {
    root: 'vous concerne',
    own: 'vous appartient',
    share: 'partagé avec d’autres personnes',
    mention: 'à quelqu’un d’autre, et vous mentionne',
  },
  place: { live: 'en usage', archive: 'archivé', 'archived values': 'valeurs archivées' },
  rows: (n) => (n === 1 ? '1 ligne' : `${n} lignes`),
  column: 'Colonne',
  category: 'Catégorie',
  purposes: 'Finalités',
  basis: 'Base légale',
  source: 'Source',
  kept: 'Durée de conservation',
  value: 'Valeur',
  until: 'Conservé jusqu’au',
  untilRow: 'La ligne entière est supprimée le',
  noRule: 'aucune durée n’est fixée',
  row: 'Ligne',
  mask: '*** remplace les données d’autres personnes.',
  recipients: 'Qui a reçu vos données',
  noRecipients: 'Aucun destinataire n’est enregistré.',
  since: 'depuis le',
  upTo: 'jusqu’au',
  sourceText: 'D’où viennent les données',
  automated: 'Décisions automatisées',
  rights: 'Vos droits',
  rightsText: {
    access: 'savoir ce qui est conservé sur vous et en avoir une copie (art. 15 RGPD)',
    rectification: 'faire corriger ce qui est inexact (art. 16)',
    erasure: 'être oublié (art. 17)',
    restriction: 'faire conserver vos données sans qu’elles soient utilisées (art. 18)',
    portability: 'emporter les données que vous avez fournies (art. 20)',
    objection: 'vous opposer à leur utilisation (art. 21)',
    complaint: 'vous plaindre auprès d’une autorité de contrôle (art. 77)',
  },
  notRecorded: 'non enregistré',
}

export const WORDS: Record<Language, typeof en> = { en, fr }
