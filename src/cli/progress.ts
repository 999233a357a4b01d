/**
 * Progress of anything longer than a second, on stderr: one moving line on a terminal, a plain line
 * now and then in a log. Nothing at all for work that ends sooner.
 */
import { formatNumber, paint } from './output.ts'

/** Says how far a piece of work is. */
export interface Progress {
  /** What is being done now; with `done` and `total` as a bar. */
  step(text: string, done?: number, total?: number): void
  /** Wipes the moving line, so that other text can be printed. */
  end(): void
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const QUIET_MILLISECONDS = 1_000
const LINE_MILLISECONDS = 2_000
const BAR_WIDTH = 24

/**
 * @param title - begins every line: `seeding`, `cycle of north`.
 * @param options.eager - show it from the start, for commands that are there to be watched.
 */
export function makeProgress(title: string, { eager = false, stream = process.stderr } = {}): Progress {
  const quietMilliseconds = eager ? 0 : QUIET_MILLISECONDS
  return stream.isTTY
    ? movingLine(title, stream, quietMilliseconds)
    : plainLines(title, stream, quietMilliseconds)
}

function movingLine(title: string, stream: NodeJS.WriteStream, quietMilliseconds: number): Progress {
  const begun = Date.now()
  let text = ''
  let frame = 0
  let drawn = false
  const timer = setInterval(() => {
    if (Date.now() - begun < quietMilliseconds) return
    frame = (frame + 1) % FRAMES.length
    const line = `${FRAMES[frame]} ${title}${text}`.slice(0, (stream.columns ?? 80) - 1)
    stream.write(`\r\u001b[2K${paint('cyan', line.slice(0, 1), stream)}${line.slice(1)}`)
    drawn = true
  }, 100)
  timer.unref()
  return {
    step(what, done, total) {
      text = describe(what, done, total)
    },
    end() {
      clearInterval(timer)
      if (drawn) stream.write('\r\u001b[2K')
    },
  }
}

function plainLines(title: string, stream: NodeJS.WriteStream, quietMilliseconds: number): Progress {
  const begun = Date.now()
  let lastLine = ''
  let lastTime = 0
  return {
    step(what, done, total) {
      const now = Date.now()
      const due = now - begun >= quietMilliseconds && now - lastTime >= LINE_MILLISECONDS
      const line = `${title}${describe(what, done, total, false)}`
      if (!due || line === lastLine) return
      stream.write(`${line}\n`)
      lastLine = line
      lastTime = now
    },
    end: () => undefined,
  }
}

function describe(what: string, done?: number, total?: number, bar = true): string {
  if (done === undefined) return `: ${what}`
  if (!total) return `: ${what} ${formatNumber(done)}`
  const filled = Math.round((Math.min(done, total) / total) * BAR_WIDTH)
  const drawing = bar ? ` ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}` : ''
  return `: ${what}${drawing} ${formatNumber(done)} of ${formatNumber(total)}`
}
