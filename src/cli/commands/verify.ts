/** `lethe verify`: is the evidence what it was when it was sealed? And is a receipt one of ours? */
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { openPool } from '../../db/client.ts'
import { toLetheError } from '../../db/errors.ts'
import { type Finding, readCertificate, readReceipt, verifyEvidence } from '../../db/evidence.ts'
import { LetheError } from '../../errors.ts'
import { readAnchor } from '../../evidence/anchor.ts'
import {
  certificateText,
  type GivenCertificate,
  looksLikeCertificate,
  readCertificateFile,
} from '../../evidence/certificate.ts'
import { openSigningKey, readPublicKey } from '../../evidence/keys.ts'
import { type Given as GivenReceipt, readReceiptFile, receiptText } from '../../evidence/receipt.ts'
import { isSignedBy } from '../../evidence/signed.ts'
import {
  action,
  type Context,
  type DatabaseContext,
  databaseAction,
  EXIT_INCOMPLETE,
  EXIT_OK,
} from '../command.ts'
import type { Output } from '../output.ts'

type Given = GivenReceipt | GivenCertificate

/** More than that is for `--json`. */
const SHOWN_MAX = 50

interface Options {
  anchor?: string
  controller?: string
  receipt?: string
  publicKey?: string
}

export function register(program: Command): void {
  program
    .command('verify')
    .description('check the evidence against its seals and the seals against the anchor, or check a receipt')
    .option('--anchor <path>', 'file or folder with the heads kept outside (default: LETHE_ANCHOR)')
    .option('--controller <name>', 'one controller; default all')
    .option(
      '--receipt <file>',
      'check this receipt, or certificate, instead: its signature and, where one is named, the database',
    )
    .option('--public-key <file>', 'the key that signed it (default: that of LETHE_SIGNING_KEY)')
    .action(async function (this: Command, ...args: unknown[]) {
      const run = this.opts<Options>().receipt ? action(checkReceipt) : databaseAction(checkEvidence)
      await run.apply(this, args)
    })
}

async function checkEvidence({ options, out, pool, progress }: DatabaseContext<Options>): Promise<number> {
  const path = options.anchor ?? (process.env.LETHE_ANCHOR || undefined)
  // Read first: a seal made meanwhile is then newer than the anchor, never missing from the chain.
  const anchor = path === undefined ? undefined : await readAnchor(path)
  const database = await pool()
  const reading = progress('verifying')
  reading.step('reading all evidence')
  const findings = (
    await verifyEvidence(database, options.controller, anchor?.text).finally(reading.end)
  ).map((row) => ({
    ...row,
    object: row.object.replace(/^anchor, line (\d+)$/, (_, n) => `anchor, ${anchor?.sources[Number(n) - 1]}`),
  }))
  if (findings.length === 0) out.line('There is no controller yet, and so no evidence.')
  return say(out, findings, 'the evidence is as it was sealed')
}

async function checkReceipt({ options, out }: Context<Options>): Promise<number> {
  const given: Given = await readFile(options.receipt!, 'utf8').then(readDocument, (error) => {
    throw new LetheError(`the receipt ${options.receipt} cannot be read: ${error.code}`, {
      code: 'LE805',
      cause: error,
    })
  })
  const databaseUrl = options.database ?? process.env.DATABASE_URL
  const key = options.publicKey
    ? await readPublicKey(options.publicKey)
    : process.env.LETHE_SIGNING_KEY
      ? (await openSigningKey(process.env.LETHE_SIGNING_KEY)).key
      : undefined
  if (!key && !databaseUrl) {
    throw new LetheError('there is nothing to check the receipt against', {
      code: 'LE805',
      hint: 'give --public-key <file>, or --database to compare it with the evidence itself',
    })
  }
  const findings = [
    checkSignature(given, key),
    databaseUrl ? await compare(given, databaseUrl) : notCompared(given),
  ]
  return say(out, findings, `${describe(given)} is as it was written`)
}

const readDocument = (content: string): Given =>
  looksLikeCertificate(content) ? readCertificateFile(content) : readReceiptFile(content)

const contradiction = (given: Given): string =>
  'cycle' in given
    ? `says otherwise about cycle ${given.cycle}: lethe receipt ${given.cycle} shows what`
    : `says otherwise about request ${given.request}: select lethe.certificate(${given.request}, ${given.number}) shows what`

const describe = (given: Given): string =>
  'cycle' in given
    ? `the receipt of cycle ${given.cycle} of ${given.controller}`
    : `certificate ${given.number} of request ${given.request} of ${given.controller}`

function checkSignature(given: Given, key: Parameters<typeof isSignedBy>[1] | undefined): Finding {
  const about = { controller: given.controller, object: 'signature' }
  if (!key)
    return {
      ...about,
      severity: 'warning',
      finding: given.signature ? 'not checked: no public key was given' : 'not signed',
    }
  if (!given.signature)
    return {
      ...about,
      severity: 'error',
      finding: `the ${'cycle' in given ? 'receipt' : 'certificate'} is not signed`,
    }
  return isSignedBy(given, key)
    ? { ...about, severity: 'info', finding: `made by the key ${given.signature.key}` }
    : {
        ...about,
        severity: 'error',
        finding: 'was not made by this key over this text: it was changed, or another key signed it',
      }
}

function notCompared({ controller }: Given): Finding {
  return {
    controller,
    object: 'database',
    severity: 'warning',
    finding: 'not compared with the evidence: no database was named',
  }
}

async function compare(given: Given, databaseUrl: string): Promise<Finding> {
  const about = { controller: given.controller, object: 'database' }
  const pool = await openPool(databaseUrl, { connectionsMax: 1 })
  try {
    const { text, seal } = await writtenAgain(pool, given)
    return text === given.signed
      ? { ...about, severity: 'info', finding: `has the same figures, under seal ${seal}` }
      : { ...about, severity: 'error', finding: contradiction(given) }
  } catch (error) {
    const known = toLetheError(error, databaseUrl)
    if (!['LE802', 'LE438', 'LE114'].includes(known.code ?? '')) throw known
    return { ...about, severity: 'error', finding: known.message }
  } finally {
    await pool.end()
  }
}

async function writtenAgain(
  pool: Awaited<ReturnType<typeof openPool>>,
  given: Given,
): Promise<{ text: string; seal: number }> {
  if ('cycle' in given) {
    const receipt = await readReceipt(pool, given.cycle)
    return { text: receiptText(receipt, given.form), seal: receipt.seal.number }
  }
  const certificate = await readCertificate(pool, given.request, given.number)
  return { text: certificateText(certificate, given.form), seal: certificate.seal.number }
}

/** Findings as a table, the worst first, and one sentence about all of them. */
function say(out: Output, findings: readonly Finding[], sound: string): number {
  const errors = findings.filter(({ severity }) => severity === 'error')
  const others = findings.filter(({ severity }) => severity !== 'error')
  const ordered = [...errors, ...others]
  if (out.json) {
    out.table(ordered)
  } else if (ordered.length > 0) {
    out.table([...errors.slice(0, SHOWN_MAX), ...others], ['controller', 'severity', 'object', 'finding'])
    if (errors.length > SHOWN_MAX) out.line(`and ${errors.length - SHOWN_MAX} errors more: --json lists all`)
    out.line()
  }
  if (errors.length > 0) {
    out.warn(errors.length === 1 ? 'one error: see above' : `${errors.length} errors: see above`)
    return EXIT_INCOMPLETE
  }
  const warnings = others.filter(({ severity }) => severity === 'warning').length
  if (findings.length > 0) out.success(warnings > 0 ? `${sound}, as far as said above` : sound)
  return EXIT_OK
}
