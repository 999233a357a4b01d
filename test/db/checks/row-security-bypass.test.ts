import { provesItself } from '../../helpers/check.ts'

// Roles belong to the whole cluster: this name is nobody else's.
const ROLE = `lethe_test_passer_${process.pid}`

provesItself({
  code: 'row-security-bypass',
  object: ROLE,
  says: /passes by row security \(BYPASSRLS\) and may read desk.orders, desk.people/,
  violation: `
    create role ${ROLE} bypassrls;
    grant usage on schema desk to ${ROLE};
    grant select on desk.orders to ${ROLE};
    grant select (email) on desk.people to ${ROLE};
    alter table desk.people enable row level security;
    alter table desk.orders enable row level security`,
  repair: `
    alter role ${ROLE} nobypassrls;
    drop owned by ${ROLE};
    drop role ${ROLE}`,
})
