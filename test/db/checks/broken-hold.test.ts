import { guard, provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'broken-hold',
  object: 'desk.orders',
  says: /its guard against DELETE and UPDATE and TRUNCATE is missing, disabled or altered/,
  violation: async (db) => {
    await db.query(`select lethe.hold_table('audit of 2026', 'desk.orders', controller => 'north')`)
    await guard(db, 'desk.orders')
    await db.query('alter table desk.orders disable trigger user')
  },
  repair: (db) => guard(db, 'desk.orders'),
})
