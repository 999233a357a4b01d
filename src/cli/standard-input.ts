/** A value from standard input, so that one which is somebody's e-mail address need not stand in a shell's history. */
import { LetheError } from '../errors.ts'

/**
 * @param what - what is expected, for the sentence when nothing came.
 * @param usage - the command line that would have worked.
 */
export async function standardInput(what: string, usage: string): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write(`${what}, on a line; then Ctrl-D:\n`)
  let text = ''
  for await (const chunk of process.stdin) text += String(chunk)
  if (text.trim() === '') throw new LetheError(`no ${what} came in`, { code: 'LE607', hint: usage })
  return text.trim()
}
