/** Drives cycles in tests: whole ones in one round trip, or step by step. */
import type pg from 'pg'
import type { Login } from './database.ts'

/** A connection or a login: whatever takes statements. */
export interface Session {
  query(text: string, values?: unknown[]): Promise<unknown>
}

/** Rows of a statement, from a login or a client alike. */
export async function rowsOf<Row = Record<string, unknown>>(
  session: Session,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const result = await session.query(text, values)
  if (Array.isArray(result) && !('rows' in (result.at(-1) ?? {}))) return result as Row[]
  const last = Array.isArray(result) ? result.at(-1) : result
  return (last as pg.QueryResult).rows as Row[]
}

/**
 * `test_support.run(controller, day)` goes through a whole cycle in one transaction, which a test may
 * roll back. It stops with an error instead of going on for ever.
 */
export async function addCycleRunner(db: Login): Promise<void> {
  await db.query(`
    create schema test_support;
    create function test_support.run(controller text, day date default null) returns text language plpgsql as $$
    declare
      v_cycle bigint := lethe.start_cycle(controller, day);
      v_table int;
      v_state text;
      v_steps int := 0;
    begin
      loop
        loop
          select t.table_id into v_table from lethe.ready_tables(v_cycle) as t limit 1;
          if v_table is null then
            select t.table_id into v_table from lethe.unfinished_tables(v_cycle) as t limit 1;
          end if;
          exit when v_table is null;
          loop
            v_state := (lethe.sweep_step(v_cycle, v_table)).state;
            exit when v_state in ('done', 'failed');
            v_steps := v_steps + 1;
            if v_steps > 1000 then raise exception 'the cycle does not end'; end if;
          end loop;
        end loop;
        exit when lethe.verify_cycle(v_cycle) = 0;
      end loop;
      return lethe.finish_cycle(v_cycle);
    end $$`)
}

/** Runs a whole cycle in one transaction. @returns complete or incomplete. */
export async function runCycle(session: Session, controller: string, day?: string): Promise<string> {
  const [row] = await rowsOf<{ run: string }>(session, 'select test_support.run($1, $2)', [
    controller,
    day ?? null,
  ])
  return row!.run
}

/** Runs every statement that `lethe.missing_rights()` asks for. */
export async function grantMissing(session: Session): Promise<void> {
  for (const { remedy } of await rowsOf<{ remedy: string }>(
    session,
    'select remedy from lethe.missing_rights()',
  )) {
    await session.query(remedy)
  }
}

/** Applies a policy and grants what it needs. */
export async function applyPolicy(session: Session, policy: unknown): Promise<void> {
  await session.query('select lethe.apply_policy($1)', [JSON.stringify(policy)])
  await grantMissing(session)
}

/** Where each row lies, which version it is and what it holds: the same text means not one byte was written. */
export async function fingerprint(session: Session, ...tables: string[]): Promise<string> {
  const parts = tables.map(
    (table) =>
      `(select md5(coalesce(string_agg(concat_ws('|', t.tableoid, t.ctid, t.xmin, t::text), E'\\n' order by t.tableoid, t.ctid), '')) from ${table} as t)`,
  )
  const [row] = await rowsOf<{ md5: string }>(session, `select concat_ws(',', ${parts.join(', ')}) as md5`)
  return row!.md5
}
