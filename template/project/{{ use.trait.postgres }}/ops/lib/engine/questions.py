"""What a copy of a PostgreSQL database has to be asked, as psql reads it."""

from __future__ import annotations

from .vendor import APART

#: As pg_dump has it: the same text whoever asks, no limit of time, and nothing that a policy hides.
SAME = """
set datestyle = iso; set intervalstyle = postgres; set timezone = 'UTC'; set extra_float_digits = 3;
set bytea_output = hex; set client_encoding = 'UTF8'; set search_path = ''; set row_security = off;
set statement_timeout = 0; set lock_timeout = '60s'; set idle_in_transaction_session_timeout = 0;
"""
#: dbmate's table, if there is one.
MIGRATION = """
select to_regclass('public.schema_migrations') is not null as migrates \\gset
\\if :migrates
select max(version) from public.schema_migrations;
\\else
select '';
\\endif
"""
_OTHER = f"nspname <> all ('{{{','.join(('information_schema', *APART))}}}')"
#: Extensions to copy by their names, where some are the vendor's: so their event triggers stay out, too.
EXTENSIONS = f"""
select '--extension=' || quote_ident(extname) from pg_catalog.pg_extension it
join pg_catalog.pg_namespace n on n.oid = extnamespace
where {_OTHER} and {bool(APART)}
"""  # noqa: S608 (what is put in is ours)
_OURS = f"nspname !~ '^pg_' and {_OTHER}"


def _of_an_extension(catalogue: str) -> str:
    of = f"d.objid = it.oid and d.deptype = 'e' and d.classid = 'pg_catalog.{catalogue}'::regclass"
    return f"exists (select from pg_catalog.pg_depend d where {of})"


#: What PostgreSQL finds the part of a divided table by, and so the same in every version. The hash of an array is a
#: sum, too, which would not see what two rows have exchanged: hashed once more, it does.
_HASH = 'hashtextextended(hash_array_extended(array[%s]::text[] collate "C", 0)::text collate "C", 0)'
#: A row for each table: its name, rows and checksum, which is a sum, so that their order does not matter. Of each row
#: its values as texts are hashed, in a third of the time that MD5 takes for all of it; workers share a large table.
TABLES = f"""
select format('select json_build_array(%L, count(*), coalesce(sum({_HASH}), 0)::text) from only %I.%I',
  nspname || '.' || relname, (select string_agg(format('%I::text', attname), ', ' order by attnum)
    from pg_catalog.pg_attribute where attrelid = it.oid and attnum > 0 and not attisdropped), nspname, relname)
from pg_catalog.pg_class it join pg_catalog.pg_namespace n on n.oid = relnamespace
where relkind = 'r' and relpersistence <> 't' and {_OURS} and not {_of_an_extension("pg_class")}
order by nspname, relname
\\gexec
"""  # noqa: S608 (what is put in is ours)
#: Whoever writes waits from now on, and whoever reads does not; pg_dump reads.
LOCK = f"""
do $$
declare
  say text;
begin
  for say in
    select format('lock table %I.%I in share row exclusive mode', nspname, relname)
    from pg_catalog.pg_class it join pg_catalog.pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'p') and {_OURS} and not {_of_an_extension("pg_class")}
  loop execute say; end loop;
end $$;
"""  # noqa: S608 (what is put in is ours)
#: A sequence that is a column's goes with its table.
_OWNED = """exists (select from pg_catalog.pg_depend d where d.objid = it.oid and d.deptype in ('a', 'i')
        and d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = d.classid and d.refobjsubid > 0)"""
#: Takes away what a dump brings, and what was made since; what extensions have stays.
CLEAR = f"""
do $$
declare
  say text;
begin
  for say in
    select format('drop schema %I cascade', nspname) from pg_catalog.pg_namespace it
    where {_OURS} and nspname <> 'public' and not {_of_an_extension("pg_namespace")}
  loop execute say; end loop;
  for say in
    select format('drop %s if exists public.%I cascade', case relkind when 'v' then 'view'
      when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' when 'c' then 'type'
      else 'table' end, relname)
    from pg_catalog.pg_class it
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c')
      and not {_of_an_extension("pg_class")}
      and not (relkind = 'S' and {_OWNED})
  loop execute say; end loop;
  for say in
    select format('drop routine if exists %s cascade', oid::regprocedure) from pg_catalog.pg_proc it
    where pronamespace = 'public'::regnamespace and not {_of_an_extension("pg_proc")}
  loop execute say; end loop;
  for say in
    select format('drop type if exists public.%I cascade', typname) from pg_catalog.pg_type it
    where typnamespace = 'public'::regnamespace and typtype in ('e', 'd', 'r') and not {_of_an_extension("pg_type")}
  loop execute say; end loop;
end $$;
"""  # noqa: S608 (what is put in is ours)
