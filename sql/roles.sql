-- The roles of Lethe. They belong to the cluster, not to a database, so this file is run by every
-- `lethe init` (and by Graphile Migrate's reset) and does only what is missing.
--
-- It needs CREATEROLE and no more. Two inits in two databases of one cluster may meet here, where no
-- advisory lock reaches both: who comes second takes what the first one made.
--
-- None of them can log in. Give a login its part with, for instance: grant lethe_officer to anna;

do $$
declare
  v_role name;
begin
  foreach v_role in array array[
    'lethe_owner',      -- owns every object of Lethe
    'lethe_officer',    -- data-protection officer: sets rules, approves
    'lethe_agent',      -- handles one person's request
    'lethe_analyst',    -- statistics, never a person
    'lethe_auditor',    -- reads policy and evidence
    'lethe_subject',    -- the person the data is about
    'lethe_anonymous',  -- somebody not signed in
    'lethe_api',        -- the login of `lethe serve`: becomes officer, auditor or analyst, and is none of them
    'lethe_worker',     -- runs cycles; owns the job queue in lethe_jobs
    'lethe_sweeper',    -- changes rows of managed tables, and may do nothing else
    'lethe_dropper'     -- drops or detaches partitions, where an owner's role was granted to it
  ]::name[]
  loop
    continue when exists (select from pg_catalog.pg_roles as r where r.rolname = v_role);
    begin
      -- Before 16 a role inherits from all its groups or from none; lethe_api only becomes others.
      execute pg_catalog.format('create role %I nologin%s', v_role, case when v_role = 'lethe_api' then ' noinherit' end);
    exception
      when duplicate_object or unique_violation then null;
    end;
  end loop;
end
$$;

-- From PostgreSQL 16 on, who creates a role may administer it but is no member of it. To make objects
-- that belong to lethe_owner and lethe_worker, the installer must be able to become them; and to hand
-- the functions of lethe_sweeper and that of lethe_dropper over, lethe_owner must be able to become those. lethe_api
-- may become the roles that requests run as, without having their rights before it does: a login that is granted
-- lethe_api reads nothing until it says SET ROLE.
do $$
declare
  v_modern   constant boolean := pg_catalog.current_setting('server_version_num')::int >= 160000;
  v_use      constant text := case when v_modern then 'set' else 'member' end;
  v_grant    record;
begin
  for v_grant in
    select *
    from (values
      ('lethe_owner'::name, current_user, true),
      ('lethe_worker'::name, current_user, true),
      ('lethe_sweeper'::name, 'lethe_owner'::name, true),
      ('lethe_dropper'::name, 'lethe_owner'::name, true),
      ('lethe_officer'::name, 'lethe_api'::name, false),
      ('lethe_auditor'::name, 'lethe_api'::name, false),
      ('lethe_analyst'::name, 'lethe_api'::name, false)
    ) as g (granted, member, inherits)
  loop
    for v_try in 1 .. 20 loop
      exit when pg_catalog.pg_has_role(v_grant.member, v_grant.granted, v_use)
        and pg_catalog.pg_has_role(v_grant.member, v_grant.granted, 'usage') = v_grant.inherits;
      begin
        execute pg_catalog.format('grant %I to %I%s', v_grant.granted, v_grant.member,
          case when v_modern then pg_catalog.format(' with inherit %s, set true', v_grant.inherits::text) end);
      exception
        -- "tuple concurrently updated": another init is granting the very same.
        when internal_error or unique_violation then perform pg_catalog.pg_sleep(0.05 * v_try);
      end;
    end loop;
  end loop;
end
$$;

