import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'unpurposed-value',
  object: 'south: desk.orders.note',
  says: /20 values of desk.orders.note, controller south, serve no purpose that the rule "purge" names/,
  // A database whose Lethe does not count them yet is given a function that does, over this one table.
  violation: `
    select lethe.set_rule('desk.orders', 'purge', 'P1Y', 'note', array['placed'], "when" => 'country = ''DE''');
    update desk.orders set country = 'DE' where owner = 1;
    do $do$
    begin
      if to_regprocedure('lethe.unpurposed(text, text)') is null then
        create function lethe.unpurposed("table" text default null, controller_name text default null)
          returns table (controller text, table_name text, column_name text, action text, rows bigint, unclocked bigint)
          language sql security definer
          return ('south'::text, 'desk.orders'::text, 'note'::text, 'purge'::text, (select count(*) from desk.orders where country <> 'DE'), 0::bigint);
      end if;
    end
    $do$`,
  repair: `update desk.orders set country = 'DE'`,
})
