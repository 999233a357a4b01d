import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'definer-view',
  object: 'desk.names',
  says: /view desk.names reads around the row security of desk.people/,
  violation: `
    alter table desk.people enable row level security;
    create view desk.names as select "fullName" from desk.people;
    create view desk.own_names with (security_invoker) as select "fullName" from desk.people;
    grant select on desk.names, desk.own_names to lethe_analyst`,
  repair: 'alter view desk.names set (security_invoker = true)',
})
