/**
 * One PostgreSQL for the whole run and two template databases in it, which test files clone.
 *
 * - default: the embedded PostgreSQL 18
 * - `LETHE_TEST_PG_BIN=/usr/lib/postgresql/15/bin`: a throwaway cluster of an installed version
 * - `LETHE_TEST_DATABASE_URL`: a server of yours, as superuser; its databases and roles that begin
 *   with `lethe_test_` are dropped and made again
 */
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { init } from '../../src/install/init.ts'
import { startThrowaway } from '../../src/throwaway.ts'
import { seedTemplate } from './audience.ts'
import { withMigrationsUnderTest } from './migrations.ts'
import {
  binDirFromEnvironment,
  INSTALLER,
  PASSWORD,
  redirect,
  TEMPLATE_AUDIENCE,
  TEMPLATE_LETHE,
} from './server.ts'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ownUrl = process.env.LETHE_TEST_DATABASE_URL
  const throwaway = ownUrl ? undefined : await startThrowaway({ binDir: binDirFromEnvironment })
  const adminUrl = ownUrl ?? throwaway!.url()
  try {
    const version = await prepare(adminUrl)
    project.provide('server', { adminUrl, version })
  } catch (error) {
    await throwaway?.destroy()
    throw error
  }
  return async () => {
    await throwaway?.destroy()
  }
}

async function prepare(adminUrl: string): Promise<number> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await makeInstaller(admin)
    await makeTemplate(admin, TEMPLATE_LETHE)
    const databaseUrl = redirect(adminUrl, { database: TEMPLATE_LETHE, login: INSTALLER })
    await withMigrationsUnderTest((migrationsFolder) => init({ databaseUrl, migrationsFolder }))
    await makeTemplate(admin, TEMPLATE_AUDIENCE, TEMPLATE_LETHE)
    await seedTemplate(redirect(adminUrl, { database: TEMPLATE_AUDIENCE, login: INSTALLER }))
    const { rows } = await admin.query<{ version: number }>(
      `select current_setting('server_version_num')::int / 10000 as version`,
    )
    return rows[0]!.version
  } finally {
    await admin.end()
  }
}

/** On a server that has met Lethe before, the roles exist and the installer must be let in. */
async function makeInstaller(admin: pg.Client): Promise<void> {
  await admin.query(`
    do $$
    declare
      v_role name;
    begin
      if not exists (select from pg_roles where rolname = '${INSTALLER}') then
        create role ${INSTALLER} login createrole password '${PASSWORD}';
      end if;
      for v_role in select rolname from pg_roles where rolname ~ '^lethe_' and rolname !~ '^lethe_test_' loop
        execute format('grant %I to ${INSTALLER} with admin option', v_role);
      end loop;
    end
    $$`)
}

async function makeTemplate(admin: pg.Client, name: string, template = 'template1'): Promise<void> {
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.query(`create database ${name} template ${template}`)
  await admin.query(`grant create on database ${name} to ${INSTALLER}`)
}
