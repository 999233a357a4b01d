-- Terms of purposes are put together here, and what they say is lengthened by the minima that bind the rule
-- (minimum_sql). Later work adds terms, never another way of putting them together.
create or replace function lethe_private.rule_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  rule_id int,
  batch boolean
)
  returns lethe_private.rule_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_term lethe.terms;
  v_parts lethe_private.term_parts[];
  v_conditional boolean[];
  v_plain boolean;
  v_rule lethe_private.rule_parts;
  v_minimum lethe_private.rule_parts;
begin
  for v_term in
    select * from lethe_private.effective_terms(managed.id, controller.id) as t
    where t.rule_id = rule_sql.rule_id
    order by t.purpose nulls first
  loop
    v_parts := array_append(v_parts, lethe_private.term_sql(alias, managed, table_oid, controller, today,
      v_term.after, v_term.since, v_term.condition, batch));
    v_conditional := v_conditional || (v_term.condition is not null);
    -- Terms without "when" on one and the same clock all apply, or none does.
    v_plain := coalesce(v_plain, true) and v_term.condition is null
      and v_parts[cardinality(v_parts)].usable = v_parts[1].usable;
  end loop;
  if v_parts is null then
    return null;
  end if;

  select
    case
      when v_plain then string_agg(p.expired, ' and ')
      when count(*) = 1 then format('%s and %s', min(p.applies), min(p.expired))
      else string_agg(format('(not coalesce(%s, false) or coalesce(%s, false))', p.applies, p.expired), ' and ' order by p.n)
        || ' and (' || string_agg(format('coalesce(%s, false)', p.applies), ' or ' order by p.n) || ')'
    end,
    case
      when not bool_or(v_conditional[p.n]) then string_agg(distinct format('(%s)', p.unusable), ' and ')
      else 'not (' || string_agg(format('coalesce(%s and not (%s), false)', p.applies, p.unusable), ' or ' order by p.n)
        || ') and (' || string_agg(format('coalesce(%s, false)', case when v_conditional[p.n] then p.applies else p.unusable end), ' or ' order by p.n) || ')'
    end
    into v_rule.due, v_rule.unclocked
  from unnest(v_parts) with ordinality as p (applies, usable, unusable, expired, n);

  for v_term in select * from lethe_private.minima_of(managed.id, rule_sql.rule_id, controller.id) loop
    v_minimum := lethe_private.minimum_sql(alias, managed, table_oid, controller, today, v_term, batch,
      case when v_plain then v_parts[1].usable end);
    v_rule.due := format('%s and %s', v_rule.due, v_minimum.due);
    v_rule.unclocked := format('(%s) or %s', v_rule.unclocked, v_minimum.unclocked);
  end loop;
  return v_rule;
end
$$;

comment on function lethe_private.rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, int, boolean) is
  'When a row is due under a rule, for one controller and one local day; null when the rule has no term for it.';
