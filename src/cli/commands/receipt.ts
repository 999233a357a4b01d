/** `lethe receipt`: what a cycle did, as a document to hand out. */
import type { Command } from 'commander'
import { lastReceipts, readReceipt } from '../../db/evidence.ts'
import { LetheError } from '../../errors.ts'
import { writeReceipt } from '../../evidence/receipt.ts'
import { databaseAction } from '../command.ts'
import { signerOfEnvironment } from '../signer.ts'

interface Options {
  controller?: string
}

export function register(program: Command): void {
  program
    .command('receipt')
    .argument('[cycle]', 'number of a cycle; default the last one that ended')
    .description('write the receipt of a cycle, signed with LETHE_SIGNING_KEY (made at first use)')
    .option('--controller <name>', 'whose last cycle')
    .action(
      databaseAction<Options>(async ({ args, options, out, pool }) => {
        const database = await pool()
        const cycle = args[0] === undefined ? await lastCycle() : assertNumber(args[0])
        const receipt = await readReceipt(database, cycle)
        process.stdout.write(writeReceipt(receipt, out.json ? 'json' : 'text', await signerOfEnvironment()))

        async function lastCycle(): Promise<number> {
          const last = await lastReceipts(database, options.controller)
          if (last.length === 1) return last[0]!.cycle
          throw new LetheError(
            last.length === 0 ? 'there is no receipt yet' : 'it is not said whose receipt',
            {
              code: last.length === 0 ? 'LE802' : 'LE607',
              hint:
                last.length === 0
                  ? 'a cycle has one when it has ended: lethe run'
                  : `--controller ${last.map(({ controller }) => controller).join(', or ')}`,
            },
          )
        }
      }),
    )
}

/** @throws LetheError LE607. */
function assertNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new LetheError(`${JSON.stringify(text)} is not the number of a cycle`, {
    code: 'LE607',
    hint: 'lethe status lists the last ones',
  })
}
