import { guard, provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'unguarded-hold',
  object: 'desk.orders',
  says: /desk.orders has rows under a hold and no guard/,
  violation: `select lethe.hold_table('audit of 2026', 'desk.orders', controller => 'north')`,
  repair: (db) => guard(db, 'desk.orders'),
})
