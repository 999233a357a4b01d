set local search_path = pg_catalog, pg_temp;

-- Functions whose parameters or results change --------------------------------------------------

--!include all.sql
