/** Runs the command line as a person would, in a process of its own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** What came out. */
export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
  /** stdout as JSON lines. */
  rows(): Record<string, unknown>[]
}

/** Options of {@link lethe}. */
export interface RunOptions {
  databaseUrl?: string
  env?: Record<string, string>
  /** Sends the process SIGINT, as Ctrl-C does, when it aborts. */
  signal?: AbortSignal
  /** Sent instead of SIGINT. */
  stopWith?: NodeJS.Signals
  /** What standard input gives; nothing by default. */
  input?: string
}

/** `lethe …args`. DATABASE_URL of the surroundings never reaches it. */
export function lethe(
  args: string[],
  { databaseUrl, env = {}, signal, stopWith = 'SIGINT', input }: RunOptions = {},
): Promise<Outcome> {
  const surroundings = { ...process.env, NO_COLOR: '1', ...env }
  delete (surroundings as NodeJS.ProcessEnv).DATABASE_URL
  if (databaseUrl) Object.assign(surroundings, { DATABASE_URL: databaseUrl })
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [main, ...args], {
      env: surroundings,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.stdin?.end(input)
    signal?.addEventListener('abort', () => child.kill(stopWith), { once: true })
    let stdout = ''
    let stderr = ''
    child.stdout!.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr!.setEncoding('utf8').on('data', (chunk) => {
      stderr += chunk
    })
    child.once('error', fail)
    child.once('close', (code) => done({ code, stdout, stderr, rows: () => parseLines(stdout) }))
  })
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}
