/**
 * How long, and who says so. French law and the CNIL's reference periods: what they fix is cited; where they leave room,
 * or speak of something near, the term is "proposed". Sources are names of texts, so that a reader can look them up.
 */
import type { Role } from './nouns.ts'

/** A delay and where it is from. */
export interface Delay {
  after: string
  /** The source, as a comment shows it. */
  source: string
  /** False: near to a source, or habit; a person decides. */
  isCited: boolean
}

/** A delay of rows, and what a law keeps of them when somebody asks to be forgotten. */
export interface RowDelay extends Delay {
  basis?: string
}

const CRM: Delay = {
  after: 'P3Y',
  source:
    'CNIL, référentiel "gestion des activités commerciales" (2021-131): three years after the last contact, or the end of the relation',
  isCited: true,
}

/** Of a person's own row, by the noun of their table. */
const OF_PERSON: readonly (readonly [string, Delay])[] = [
  [
    'candidate candidat applicant postulant',
    { after: 'P2Y', source: 'CNIL, recruitment guide: two years after the last contact', isCited: true },
  ],
  [
    'employee employe salarie staff collaborateur worker ouvrier',
    {
      after: 'P5Y',
      source: 'Code du travail R1221-26 (staff register: five years after leaving)',
      isCited: true,
    },
  ],
  [
    'patient',
    {
      after: 'P20Y',
      source:
        'Code de la santé publique R1112-7 (records of health establishments: twenty years after the last stay or visit); another care giver: to confirm',
      isCited: false,
    },
  ],
  [
    'customer client contact lead prospect subscriber abonne reader lecteur buyer acheteur donor donateur visitor visiteur guest traveler traveller voyageur',
    CRM,
  ],
  [
    'user usager utilisateur member membre account compte adherent player joueur',
    { ...CRM, source: `${CRM.source}; an account unused: to confirm`, isCited: false },
  ],
]

/** The delay of a person's row; null: no reference period is known. */
export function delayOfPerson(nouns: readonly string[]): Delay | null {
  return OF_PERSON.find(([words]) => nouns.some((noun) => words.split(' ').includes(noun)))?.[1] ?? null
}

/** When a row of that kind is purged. */
export const ROW_DELAYS: Partial<Record<Role, RowDelay>> = {
  invoice: {
    after: 'P11Y',
    source:
      'Code de commerce L123-22: accounting records, ten years from the end of the financial year, which may be a year after their own day',
    basis: 'Code de commerce L123-22',
    isCited: true,
  },
  payslip: {
    after: 'P5Y',
    source: 'Code du travail L3243-4: copies of pay slips, five years',
    basis: 'Code du travail L3243-4',
    isCited: true,
  },
  order: {
    after: 'P5Y',
    source: 'Code civil 2224: claims end five years after the contract',
    isCited: false,
  },
  contract: {
    after: 'P5Y',
    source: 'Code civil 2224: claims end five years after the contract',
    isCited: false,
  },
  consent: {
    after: 'P5Y',
    source: 'Code civil 2224: a proof is needed as long as a claim can be made',
    isCited: false,
  },
  application: {
    after: 'P2Y',
    source: 'CNIL, recruitment guide: two years after the last contact',
    isCited: true,
  },
  medical: {
    after: 'P20Y',
    source: 'Code de la santé publique R1112-7 (health establishments); another care giver: to confirm',
    isCited: false,
  },
  card: {
    after: 'P13M',
    source:
      'Code monétaire et financier L133-24: disputes, thirteen months after the debit (fifteen: CNIL, deferred debit cards)',
    isCited: true,
  },
  video: { after: 'P1M', source: 'Code de la sécurité intérieure L252-5: one month', isCited: true },
  tracking: {
    after: 'P25M',
    source:
      'CNIL, guidelines on trackers (2020-091): thirteen months for the tracker, twenty-five for what it collected',
    isCited: false,
  },
  log: {
    after: 'P1Y',
    source: 'CNIL, recommendation on logs (2021-122): six months to one year',
    isCited: true,
  },
  session: {
    after: 'P6M',
    source:
      'CNIL, recommendation on logs (2021-122): six months to one year; a token is of no use once it has ended',
    isCited: false,
  },
}

/** Of a column, whatever its row: connection data, and what somebody wrote. */
export const COLUMN_DELAYS: Readonly<Record<string, Delay>> = {
  'ip address': {
    after: 'P1Y',
    source: 'CNIL, recommendation on logs (2021-122): six months to one year',
    isCited: true,
  },
  'user agent': {
    after: 'P1Y',
    source: 'CNIL, recommendation on logs (2021-122): six months to one year',
    isCited: true,
  },
  'mac address': {
    after: 'P1Y',
    source: 'CNIL, recommendation on logs (2021-122): six months to one year',
    isCited: true,
  },
  tracker: {
    after: 'P13M',
    source: 'CNIL, guidelines on trackers (2020-091): thirteen months',
    isCited: true,
  },
}

/** Where nothing else is known of a linked table: as long as the person. */
export const AS_THE_PERSON = 'as long as the person themselves; to confirm'
