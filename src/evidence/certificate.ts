/** A certificate as a document: what became of a person's data. See signed.ts for how it is signed. */
import type { KeyObject } from 'node:crypto'
import type { Certificate } from '../db/evidence.ts'
import { LetheError } from '../errors.ts'
import { type Form, plain, readSigned, type SignedDocument, writeSigned } from './signed.ts'

/** A certificate that somebody handed over, taken apart but not believed yet. */
export interface GivenCertificate extends SignedDocument {
  request: number
  number: number
  controller: string
}

/** The document as it is written, signed where a key is given. */
export function writeCertificate(certificate: Certificate, form: Form, key?: KeyObject): string {
  return writeSigned('certificate', certificateText(certificate, form), form, key)
}

/** What is signed. */
export function certificateText(certificate: Certificate, form: Form): string {
  return form === 'json' ? JSON.stringify(certificate) : markdown(certificate)
}

/** True when the content claims to be a certificate, be it sound or not. */
export function looksLikeCertificate(content: string): boolean {
  return /^(\{"certificate":|# Certificate )/.test(content)
}

/** @throws LetheError LE805 when it is no certificate of Lethe, to the last character. */
export function readCertificateFile(content: string): GivenCertificate {
  const given = readSigned('certificate', content)
  const about = given && aboutCertificate(given)
  if (about) return { ...given, ...about }
  throw new LetheError('this is no certificate, or it was changed', {
    code: 'LE805',
    hint: 'keep it as it was handed out, without conversion of line ends',
  })
}

function aboutCertificate({
  form,
  signed,
}: SignedDocument): { request: number; number: number; controller: string } | undefined {
  if (form === 'text') {
    const head = /^# Certificate (\d+) of request (\d+) of ([a-z][a-z0-9_-]*)\n/.exec(signed)
    return head ? { number: Number(head[1]), request: Number(head[2]), controller: head[3]! } : undefined
  }
  const { request, number, controller } = JSON.parse(signed)
  return request && number && controller ? { request, number, controller: controller.name } : undefined
}

type Line = Certificate['erased'][number] & { columns?: string[] }

function markdown(certificate: Certificate): string {
  const { controller, seal, retained, findings, recipients, remains, ledger } = certificate
  return `# Certificate ${certificate.number} of request ${certificate.request} of ${controller.name}

- Controller: ${plain(controller.title ?? controller.name)}
- Received: ${certificate.received_on} (${controller.time_zone})
- Erased: ${certificate.executed_at}
- Issued: ${certificate.issued_at}

## What was done

${list([
  ...certificate.erased.map((line) => `${where(line)}: ${rows(line)} deleted`),
  ...certificate.anonymized.map(
    (line) => `${where(line)}: ${rows(line)} kept without the person (${columns(line)})`,
  ),
  ...certificate.cut.map(
    (line) => `${where(line)}: ${rows(line)} of others no longer name them (${columns(line)})`,
  ),
])}
## What a law keeps

${list(retained.map((line) => `${where(line)}: ${rows(line)}, ${line.until ? `until ${line.until}` : 'without a known end'}: ${plain(line.basis ?? 'no basis given')}`))}
## What was found afterwards

${list(findings.map(({ place, object, finding }) => plain(`${place}, ${object}: ${finding}`)))}
## Who was told

${list(recipients.map(({ name, state }) => plain(`${name}: ${state}`)))}
## What only time removes

${list(remains.map(plain))}
## Proof

- Seal: ${seal.number}, ${seal.hash}
- Sealed: ${seal.sealed_at}
- Chain: ${seal.chain}
- This certificate in it: ${seal.certificate_sha256}
- Keyed root over the rows: ${certificate.root}
- Key version: ${certificate.key_version}
- Ledger: ${ledger ?? 'none'}
`
}

const list = (lines: string[]): string => lines.map((line) => `- ${line}\n`).join('') || 'Nothing.\n'
const where = ({ table, place }: Line): string => `${plain(table)}${place === 'archive' ? ' (archive)' : ''}`
const rows = ({ rows: count }: Line): string => `${count} ${count === 1 ? 'row' : 'rows'}`
const columns = ({ columns: names = [] }: Line): string =>
  names.map(plain).join(', ') || 'nothing personal in it'
