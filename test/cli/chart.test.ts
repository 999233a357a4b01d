import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bars, sparkline, toWeeks } from '../../src/cli/chart.ts'

const counts = fc.array(fc.nat({ max: 1_000_000 }), { minLength: 1, maxLength: 60 })

describe('a chart', () => {
  it('shows one character a value: none for none, something for something, a full block for the highest', () => {
    fc.assert(
      fc.property(counts, (values) => {
        const line = [...sparkline(values)]
        const top = Math.max(...values)
        expect(line.length).toBe(values.length)
        for (const [at, value] of values.entries()) {
          expect(line[at] === ' ').toBe(value === 0)
          if (value === top && top > 0) expect(line[at]).toBe('█')
        }
      }),
    )
    expect(sparkline([0, 1, 4, 8])).toBe(' ▁▄█')
    expect(sparkline([4], 8)).toBe('▄')
  })

  it('stands several lines high on its scale', () => {
    expect(bars([0, 5, 10], 2)).toEqual(['10 ┤  █', ' 0 ┼ ██'])
    expect(bars([0, 0], 2)).toEqual(['1 ┤', '0 ┼'])
  })

  it('loses no row when days are put into weeks, today apart', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 366, maxLength: 366 }), (days) => {
        const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0)
        const weeks = toWeeks(days)
        expect(weeks.length).toBe(53)
        expect(sum(weeks)).toBe(sum(days.slice(1)))
        expect(weeks[0]).toBe(sum(days.slice(1, 8)))
      }),
    )
  })
})
