import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'unkept-format',
  object: 'desk.orders.country',
  says: /nothing keeps column country of desk.orders in format postcode_prefix/,
  violation: `select lethe.set_format('desk.orders', 'country', 'postcode_prefix')`,
  repair: `select lethe.set_format('desk.orders', 'country', null)`,
})
