/** How much of somebody else's is in a database. */
import { openClient } from '../db/client.ts'

/** Counts of tables. */
export interface HostTables {
  /** Tables outside Lethe's and PostgreSQL's schemas. */
  tables: number
  /** Tables under management. */
  managed: number
}

/** @throws an error of the driver when Lethe is not installed. */
export async function hostTables(databaseUrl: string): Promise<HostTables> {
  const client = await openClient(databaseUrl)
  try {
    const { rows } = await client.query<HostTables>(`
      select
        (select count(*)::int
          from pg_class
          where relkind in ('r', 'p')
            and relnamespace::regnamespace::text !~ '^(pg_|information_schema$|lethe$|lethe_)') as tables,
        (select count(*)::int from lethe.managed_tables) as managed`)
    return rows[0]!
  } finally {
    await client.end()
  }
}
