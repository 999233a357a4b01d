import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'unindexed-reference',
  object: 'desk.orders(person_id)',
  says: /desk.orders refers to people in desk.people by person_id, without an index/,
  violation: 'drop index desk.orders_person_id_idx',
  repair: 'create index on desk.orders (person_id, placed)',
})
