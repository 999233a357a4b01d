/** Charts in the terminal, of block characters that stand one column wide in every font that has them. */

const BLOCKS = ' ▁▂▃▄▅▆▇█'

/**
 * One character a value, the highest a full block; a value above zero never looks like none.
 *
 * @param top - what a full block stands for; default the highest value.
 */
export function sparkline(values: number[], top: number = Math.max(...values)): string {
  return values.map((value) => BLOCKS[level(value, top, 8)]).join('')
}

/**
 * Bars side by side, several lines high, with the scale on the left.
 *
 * ```
 * 120 ┤█
 *     │█ ▃
 *   0 ┼█▂█▁
 * ```
 */
export function bars(values: number[], height: number, format: (value: number) => string = String): string[] {
  const top = Math.max(...values, 1)
  const labels = [format(top), format(0)]
  const width = Math.max(...labels.map((label) => label.length))
  return Array.from({ length: height }, (_, line) => {
    const floor = (height - 1 - line) * 8
    const row = values
      .map((value) => BLOCKS[Math.min(8, Math.max(0, level(value, top, height * 8) - floor))])
      .join('')
    const label = line === 0 ? labels[0]! : line === height - 1 ? labels[1]! : ''
    return `${label.padStart(width)} ${line === 0 ? '┤' : line === height - 1 ? '┼' : '│'}${row}`.trimEnd()
  })
}

/** Days, today apart, put together into weeks from tomorrow on; the last one is shorter. */
export function toWeeks(byDay: number[]): number[] {
  const weeks: number[] = []
  for (let day = 1; day < byDay.length; day += 7)
    weeks.push(byDay.slice(day, day + 7).reduce((sum, n) => sum + n, 0))
  return weeks
}

function level(value: number, top: number, levels: number): number {
  if (value <= 0 || top <= 0) return 0
  return Math.max(1, Math.round((value / top) * levels))
}
