import { expect, it } from 'vitest'
import { findings, provesItself } from '../../helpers/check.ts'

const db = provesItself({
  code: 'archive-reader',
  object: 'lethe_private.controller_keys',
  says: /role lethe_analyst may select lethe_private.controller_keys, which nobody is to reach/,
  violation: 'grant select (inner_pad) on lethe_private.controller_keys to lethe_analyst',
  repair: 'revoke all on lethe_private.controller_keys from lethe_analyst',
})

it('sees row security that was opened on the archive itself', async () => {
  await db().query(`select lethe.set_rule('desk.orders', 'archive', 'P1Y', since => array['placed'])`)
  await db().query(`insert into desk.orders (owner, placed) values (1, current_date - 800)`)
  const { addCycleRunner, grantMissing, runCycle } = await import('../../helpers/engine.ts')
  await grantMissing(db())
  await addCycleRunner(db())
  expect(await runCycle(db(), 'north')).toBe('complete')
  expect(await findings(db(), 'archive-reader')).toEqual([])
  const [mirror] = await db().query<{ name: string }>('select name from lethe_private.mirrors')
  await db().query(`
    create policy open on lethe_archive.${mirror!.name} using (true);
    grant select on lethe_archive.${mirror!.name} to public`)
  expect((await findings(db(), 'archive-reader')).map(({ remedy }) => remedy)).toEqual([
    `revoke all on lethe_archive.${mirror!.name} from public`,
    `drop policy open on lethe_archive.${mirror!.name}`,
  ])
  await db().query(`
    alter table lethe_archive.${mirror!.name} disable row level security;
    drop policy open on lethe_archive.${mirror!.name};
    revoke all on lethe_archive.${mirror!.name} from public`)
  expect((await findings(db(), 'archive-reader')).map(({ remedy }) => remedy)).toEqual([
    `alter table lethe_archive.${mirror!.name} enable row level security`,
  ])
})
