/** The API over a database of a test: a server in this process, tokens, and requests. */
import type { Log } from '../../src/cli/log.ts'
import type { Login, TestDatabase } from './database.ts'

/** A log that can be read. */
export interface ReadableLog {
  lines: string[]
  logger: Log
}

export function readableLog(): ReadableLog {
  const lines: string[] = []
  const line =
    (level: string) =>
    (message: string, facts: object = {}): void =>
      void lines.push(JSON.stringify({ level, message, ...facts }))
  return {
    lines,
    logger: { error: line('error'), warn: line('warn'), info: line('info'), debug: line('debug') },
  }
}

/** Issues a token as the installer, who is an operator. `controller` null: all of them. */
export async function issueToken(
  db: TestDatabase | Login,
  role: string,
  controller: string | null,
  expires = 'P30D',
): Promise<string> {
  const issuer = 'installer' in db ? db.installer : db
  const [row] = await issuer.query<{ token: string }>('select lethe.issue_token($1, $2, $3) as token', [
    role,
    controller,
    expires,
  ])
  return row!.token
}

/** An answer of the API. */
export interface Answer {
  status: number
  headers: Headers
  /** Whatever was asked for. */
  data: ReturnType<typeof JSON.parse>
  errors: { message: string; extensions?: { code?: string; hint?: string; id?: string } }[]
}

/** POSTs a query. */
export async function ask(
  url: string,
  token: string | undefined,
  query: string,
  variables?: object,
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors = [] } = (await response.json()) as { data?: unknown; errors?: Answer['errors'] }
  return { status: response.status, headers: response.headers, data, errors }
}
