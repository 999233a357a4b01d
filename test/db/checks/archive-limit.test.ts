import { provesItself } from '../../helpers/check.ts'

// Roles belong to the whole cluster: this name is nobody else's.
const ROLE = `lethe_test_reader_${process.pid}`

provesItself({
  code: 'archive-limit',
  object: 'readers of everything',
  says: new RegExp(`roles with BYPASSRLS and pg_read_all_data can read the archive and the keys: ${ROLE}`),
  violation: `create role ${ROLE} bypassrls; grant pg_read_all_data to ${ROLE}`,
  repair: `drop role ${ROLE}`,
})
