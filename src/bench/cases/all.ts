/** Every case, in the order in which they are run and shown. */
import type { Case } from '../types.ts'
import { blastRadius, timeTravel } from './ahead.ts'
import { archiveMove } from './archive.ts'
import { calendar } from './calendar.ts'
import { dailyCycle, dailyCycleTenfold, nothingDue, verifyFull, verifyIndexed } from './daily.ts'
import { eraseMany, eraseOne, planLarge } from './erasure.ts'
import { evidence } from './evidence.ts'
import { foreground } from './foreground.ts'
import { aggregatedClock } from './linked.ts'
import { methodMasks } from './methods.ts'
import { purgePartition } from './partition.ts'
import { purgeChildren } from './purge.ts'
import { residueOfMany } from './residue.ts'
import { sweepCold, sweepPartial, sweepPartialBoth, sweepPlain, sweepUuid, twoDelays } from './sweep.ts'

export const cases: Case[] = [
  sweepPartial,
  sweepPartialBoth,
  sweepPlain,
  sweepUuid,
  sweepCold,
  twoDelays,
  dailyCycle,
  dailyCycleTenfold,
  nothingDue,
  purgeChildren,
  purgePartition,
  archiveMove,
  eraseOne,
  eraseMany,
  planLarge,
  aggregatedClock,
  calendar,
  methodMasks,
  evidence,
  verifyIndexed,
  verifyFull,
  blastRadius,
  timeTravel,
  residueOfMany,
  foreground,
]
