/**
 * `lethe serve`: the GraphQL API over HTTP, and two questions for whoever watches over it.
 *
 * Every request is authenticated here and handed to the PostGraphile of its role. A connection rests as lethe_api,
 * which may read nothing, and bound to a token that does not exist: what is not a request sees no row.
 *
 * What it logs are methods, paths of ours, statuses, ids of tokens and SQLSTATEs. Never a query, a variable, a
 * header or an address.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { grafserv } from 'grafserv/node'
import pg from 'pg'
import { type PostGraphileInstance, postgraphile } from 'postgraphile'
import type { Log } from '../cli/log.ts'
import { named } from '../db/client.ts'
import { describeDatabase, toLetheError } from '../db/errors.ts'
import { LetheError } from '../errors.ts'
import { readMigrations } from '../install/migrations.ts'
import { lookThroughGate } from '../ledger/session.ts'
import { makePreset } from './preset.ts'
import { API_ROLES, type ApiRole, authenticate, type Identity } from './tokens.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations/committed', import.meta.url))

/** Requests at hand may take this long once the server is told to stop. */
const STOP_MILLISECONDS = 15_000

/** What {@link startServer} is told. */
export interface ServerOptions {
  databaseUrl: string
  /** 0: any that is free. */
  port: number
  /** Default 127.0.0.1: whoever wants more puts a proxy with TLS before it. */
  host?: string
  /** Serve Ruru, a GraphiQL, at `/`. */
  ruru?: boolean
  /** Connections to the database at the most; default 10. */
  connectionsMax?: number
  /** How long one statement may take; default 10. Tests lower it to meet the refusal. */
  timeoutSeconds?: number
  logger: Log
}

/** A running server. */
export interface ApiServer {
  url: string
  /** Takes no more requests, answers those at hand, closes the connections. Safe to repeat. */
  stop(): Promise<void>
}

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown

/** What a request is handled with. */
interface Serving {
  pool: pg.Pool
  logger: Log
  ruru: boolean
  identities: WeakMap<object, Identity>
  handlers: Partial<Record<ApiRole, Handler>>
}

/**
 * @throws LetheError LE451 to LE456 (older than its ledger), LE502 (the login is no member of lethe_api), LE603
 * (unreachable), LE608 (not installed), LE705 (the port cannot be had).
 */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const { databaseUrl, logger, ruru = false } = options
  const pool = openApiPool(databaseUrl, options.connectionsMax ?? 10)
  const serving: Serving = { pool, logger, ruru, identities: new WeakMap(), handlers: {} }
  const instances: PostGraphileInstance[] = []
  const release = async (): Promise<void> => {
    for (const instance of instances) await instance.release()
    await pool.end()
  }
  try {
    await assertMayServe(databaseUrl, logger)
    await lookThroughGate(pool)
    for (const role of API_ROLES) {
      if (role === 'analyst' && !(await hasStatistics(pool))) continue
      const instance = postgraphile(
        makePreset({
          ...serving,
          role,
          timeoutSeconds: options.timeoutSeconds,
          identify: identifyBy(serving),
        }),
      )
      instances.push(instance)
      // grafserv gives the first request 15 s for what can take a loaded machine longer.
      await instance.getSchema()
      const serv = instance.createServ(grafserv)
      await serv.ready()
      serving.handlers[role] = serv.createHandler()
    }
    const server = createServer((request, response) => void handle(serving, request, response))
    const url = await listen(server, options.host ?? '127.0.0.1', options.port)
    let stopped: Promise<void> | undefined
    return {
      url,
      stop: () => {
        stopped ??= close(server).then(release)
        return stopped
      },
    }
  } catch (error) {
    await release().catch(() => undefined)
    throw toLetheError(error, databaseUrl)
  }
}

function openApiPool(databaseUrl: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: named(databaseUrl),
    max,
    connectionTimeoutMillis: 10_000,
    onConnect: async (client) => {
      await client.query(
        `set role lethe_api; set lethe.request = 'none'; set idle_in_transaction_session_timeout = '60s'`,
      )
    },
  })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

const identifyBy =
  ({ identities }: Serving) =>
  (request: unknown): Identity | undefined =>
    request instanceof Object ? identities.get(request) : undefined

/** In the words of whoever starts the server, before anything else needs the rights. */
async function assertMayServe(databaseUrl: string, logger: Log): Promise<void> {
  const client = new pg.Client({ connectionString: named(databaseUrl), connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<{
      login: string
      installed: boolean
      may: boolean
      is_more: boolean
    }>(`
      select
        quote_ident(session_user) as login,
        to_regprocedure('lethe.authenticate(text)') is not null and r.oid is not null as installed,
        coalesce(pg_has_role(session_user, r.oid, 'member'), false) as may,
        coalesce(pg_has_role(session_user, o.oid, 'member'), false) as is_more
      from (values ('lethe_api'::name, 'lethe_owner'::name)) as n (api, owner)
      left join pg_roles as r on r.rolname = n.api
      left join pg_roles as o on o.rolname = n.owner`)
    const { login, installed, may, is_more } = rows[0]!
    if (!installed) {
      throw new LetheError(
        `Lethe is not installed in ${describeDatabase(databaseUrl)}, or an older version of it`,
        {
          code: 'LE608',
          hint: 'run lethe init',
        },
      )
    }
    if (!may) {
      throw new LetheError(`role ${login} may not serve the API`, {
        code: 'LE502',
        hint: `grant lethe_api to ${login}`,
      })
    }
    if (is_more) {
      logger.warn(`role ${login} may do more than the API needs; serve with a login that has lethe_api alone`)
    }
  } finally {
    await client.end()
  }
}

async function hasStatistics(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(`
    select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'lethe_stats' and has_table_privilege('lethe_analyst', c.oid, 'select')
    limit 1`)
  return rows.length > 0
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new LetheError(`cannot listen on ${host}:${port} (${cause.code ?? 'unknown'})`, {
          code: 'LE705',
          hint: 'is another process there? --port and --host say where else',
          cause,
        }),
      ),
    )
    server.listen(port, host, () => {
      const { port: taken } = server.address() as AddressInfo
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${taken}`)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const impatience = setTimeout(() => server.closeAllConnections(), STOP_MILLISECONDS)
    server.close(() => {
      clearTimeout(impatience)
      resolve()
    })
    server.closeIdleConnections()
  })
}

// Requests ----------------------------------------------------------------------------------------

async function handle(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { logger } = serving
  const startedAt = performance.now()
  const path = (request.url ?? '/').split('?', 1)[0]!
  try {
    await route(serving, path, request, response)
  } catch (thrown) {
    const { code } = toLetheError(thrown)
    logger.error('a request failed', { sqlstate: code })
    const [status, sentence] =
      code === 'LE603'
        ? [503, 'the database does not answer']
        : [500, 'something went wrong; the server has logged it']
    if (response.headersSent) response.end()
    else answer(response, status, { message: sentence, code: code === 'LE603' ? code : 'unexpected' })
  } finally {
    const identity = serving.identities.get(request)
    logger[path === '/graphql' ? 'info' : 'debug']('answered', {
      path: /^\/(graphql|healthz|readyz)?$/.test(path) ? path : 'another',
      status: response.statusCode,
      milliseconds: Math.round(performance.now() - startedAt),
      ...(identity && { token: identity.tokenId, role: identity.role }),
    })
  }
}

async function route(
  serving: Serving,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (path === '/healthz') return plain(response, 200, 'ok')
  if (path === '/readyz') {
    const why = await notReady(serving.pool)
    return plain(response, why ? 503 : 200, why ?? 'ok')
  }
  // Ruru is a page without data: it asks for a token itself.
  if (serving.ruru && request.method === 'GET' && /^\/($|graphql$|ruru-static\/)/.test(path)) {
    return dispatch(serving.handlers.officer!, request, response)
  }
  if (path !== '/graphql') {
    return answer(response, 404, { message: 'there is nothing here', hint: 'POST to /graphql' })
  }
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST')
    return answer(response, 405, { message: 'the API answers POST alone' })
  }
  const identity = await authenticate(serving.pool, request.headers.authorization)
  if (!identity) {
    response.setHeader('WWW-Authenticate', 'Bearer')
    return answer(response, 401, {
      message: 'a valid token is needed',
      code: 'LE703',
      hint: 'Authorization: Bearer lethe_…, as lethe token issue printed it',
    })
  }
  serving.identities.set(request, identity)
  const handler = serving.handlers[identity.role]
  if (!handler) {
    return answer(response, 404, {
      message: 'there are no statistics in this database',
      hint: 'make a view in lethe_stats, grant it to lethe_analyst, and start the server again',
    })
  }
  return dispatch(handler, request, response)
}

function dispatch(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    response.once('close', resolve)
    handler(request, response, (error) => {
      if (error) reject(error)
      else resolve(answer(response, 404, { message: 'there is nothing here', hint: 'POST to /graphql' }))
    })
  })
}

/** @returns why the server should get no requests yet. */
async function notReady(pool: pg.Pool): Promise<string | undefined> {
  try {
    const { rows } = await pool.query<{ filename: string }>(
      'select filename from lethe.applied_migrations() as a (filename)',
    )
    const applied = new Set(rows.map(({ filename }) => filename))
    const missing = (await readMigrations(migrationsFolder)).filter(({ filename }) => !applied.has(filename))
    return missing.length > 0 ? 'the database lacks migrations: lethe init' : undefined
  } catch {
    return 'the database does not answer'
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' })
  response.end(`${text}\n`)
}

function answer(
  response: ServerResponse,
  status: number,
  { message, ...extensions }: { message: string; code?: string; hint?: string },
): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
  response.end(`${JSON.stringify({ errors: [{ message, extensions }] })}\n`)
}
