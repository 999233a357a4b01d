import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'unpurposed-value',
  object: 'south: desk.orders.note',
  says: /20 values of desk.orders.note, controller south, serve no purpose that the rule "purge" names/,
  violation: `
    select lethe.set_rule('desk.orders', 'purge', 'P1Y', 'note', array['placed'], "when" => 'country = ''DE''');
    update desk.orders set country = 'DE' where owner = 1`,
  repair: `update desk.orders set country = 'DE'`,
})
