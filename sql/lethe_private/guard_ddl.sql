-- A DROP or DETACH fires no trigger of a table. Where a superuser has installed these event triggers, what the tables
-- under a hold are made of is written down before a command and compared after it. What was detached can be asked
-- whether a held row is in it; what was dropped cannot, so DROP is refused as long as anything of the table is held,
-- but for partitions that the engine itself has found free.
create or replace function lethe_private.guard_ddl()
  returns event_trigger
  language plpgsql
  security definer  -- reads what is held, which nobody else may
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_lost lethe_private.guarded_relations;
  v_managed lethe.managed_tables;
  v_holds int[];
begin
  if tg_event = 'ddl_command_start' then
    if exists (select from lethe.holds as h where h.released_at is null) then
      -- What a command left that commits on its way (DETACH … CONCURRENTLY).
      delete from lethe_private.guarded_relations as g where pg_xact_status(g.xact) is distinct from 'in progress';
      insert into lethe_private.guarded_relations (relation, table_id, root)
      select r.relation, m.id, lethe_private.host_table(m.schema_name, m.table_name)
      from lethe.managed_tables as m
      cross join lateral lethe_private.relations_of(lethe_private.host_table(m.schema_name, m.table_name)) as r
      where exists (select from lethe_private.holds_touching(m.id))
      on conflict (xact, relation) do nothing;
    end if;
    return;
  end if;
  for v_lost in
    delete from lethe_private.guarded_relations as g where g.xact = pg_current_xact_id_if_assigned() and not g.may_go returning *
  loop
    continue when v_lost.relation in (select r.relation from lethe_private.relations_of(v_lost.root) as r where exists (select from pg_class as c where c.oid = v_lost.root));
    v_holds := array(select h from lethe_private.holds_touching(v_lost.table_id) as h order by h);
    continue when v_holds = '{}';
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_lost.table_id;
    if not exists (select from pg_class as c where c.oid = v_lost.relation) then
      raise exception using errcode = 'LE406',
        message = format('%s is refused: %s has rows under a legal hold, and what is dropped cannot be asked for them', tg_tag, lethe_private.plain_name(v_managed)),
        hint = 'detach the partition, which is refused only if it has held rows, and drop it then; or let the cycle purge it; or have the hold released';
    end if;
    perform lethe_private.assert_free(format('select exists (select from %s as c where %s)', lethe_private.host_name(v_lost.relation),
        lethe_private.held_by_sql('c', v_managed, v_lost.relation, v_holds)), row(1), row(1), v_lost.relation, tg_tag, v_holds);
  end loop;
end
$$;

comment on function lethe_private.guard_ddl() is
  'Event trigger: refuses to DROP what is under a hold, and to DETACH what has held rows. Raises LE406.';

-- For purges by partition: this one has been read whole, and goes in this transaction.
create or replace function lethe_private.may_go(partition oid, managed lethe.managed_tables)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.guarded_relations (relation, table_id, root, may_go)
  select r.relation, managed.id, lethe_private.host_table(managed.schema_name, managed.table_name), true
  from lethe_private.relations_of(partition) as r
  where exists (select from lethe_private.holds_touching(managed.id))
  on conflict (xact, relation) do update set may_go = true;
end;

comment on function lethe_private.may_go(oid, lethe.managed_tables) is 'Tells the guard of DDL that the engine has found nothing held in a partition.';
