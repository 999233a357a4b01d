/** Says what is wrong with a delay, more exactly than a pattern could. The database decides by the same rule. */

const WHOLE = /^P(\d{1,6}Y)?(\d{1,6}M)?(\d{1,6}W)?(\d{1,6}D)?$/

/** What is wrong with `value` as the `after` of a term, as the end of a sentence; undefined: nothing. */
export function delayProblem(value: string): string | undefined {
  if (WHOLE.test(value) && /[1-9]/.test(value)) return undefined
  const is = (what: string): string =>
    `is ${what}: ${JSON.stringify(value)}; write it as ISO 8601, P30D, P2W, P18M or P3Y`
  if (/^[+-]?\d+([.,]\d+)?$/.test(value)) return is('without a unit')
  if (/-/.test(value)) return is('negative')
  if (/\d[.,]\d/.test(value)) return is('not a whole number')
  if (/^P.*T/.test(value)) return is('finer than a day')
  if (WHOLE.test(value) && /\d/.test(value)) return is('zero')
  return is('no period')
}
