set local search_path = pg_catalog, pg_temp;

-- Functions whose parameters or results change --------------------------------------------------
drop function lethe_private.identified_sql(text[]);

--!include all.sql
