"""What is PostgreSQL's own: its addresses, what its schema is, what its tables have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEMES = ("postgres", "postgresql")
EXAMPLE = "postgres://USER:PASSWORD@HOST/NAME"
#: A migration that fails has changed nothing, unless it says `transaction:false`.
TRANSACTIONAL = True
#: What a person's shell may have for programs of this engine begins so.
VARIABLES = "PG"


def secured(url: str, certificate: str, *, local: bool) -> str:
    """Give an address with a certificate that is verified; on this machine there is none, unless it asks for it.

    Without a file of one's own, the authorities of the system count.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if local:
        query.setdefault("sslmode", "disable")
    else:
        query["sslmode"] = "verify-full"
        query.pop("sslrootcert", None)
    if certificate:
        query["sslrootcert"] = certificate
    return parts._replace(query=urlencode(query)).geturl()


def told(url: str) -> dict[str, str]:
    """Give what dbmate is told by its environment."""
    return {"DATABASE_URL": url, "PGCONNECT_TIMEOUT": "5"}


def place(number: int) -> str:
    """Give what stands for a value in a question, of which it is the first, the second and so on."""
    return f"${number}"


def moment(column: str) -> str:
    """Give a time as text, in UTC."""
    return f"to_char({column} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"


#: What is in a schema, a line for each, whatever the order in which it was made: a column that comes back is the last.
#: The table of dbmate and what extensions brought are none of it.
SCHEMA = """
with ours as (
  select oid, nspname from pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'
), made as (
  select c.oid, c.relkind, quote_ident(nspname) || '.' || quote_ident(relname) as name, c.relrowsecurity, c.relacl,
    c.relpersistence, c.relispartition, pg_get_expr(c.relpartbound, c.oid) as bound, c.reloptions
  from pg_class c join ours on ours.oid = relnamespace
  where not (relname ~ '^schema_migrations(_pkey)?$' and relkind in ('r', 'i')) and not exists (
    select from pg_depend d where d.objid = c.oid and d.deptype = 'e' and d.classid = 'pg_class'::regclass)
), lines as (
  select 'schema ' || quote_ident(nspname) as line from ours
  union all select 'extension ' || quote_ident(extname) || ' ' || extversion from pg_extension
  union all select format('relation %s %s %s %s %s %s %s', relkind, name, relpersistence, bound, relrowsecurity,
    relacl::text, reloptions::text) from made where relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c')
  union all select 'comment on ' || made.name || ' ' || objsubid || ' ' || quote_literal(description)
    from pg_description d join made on d.objoid = made.oid and d.classoid = 'pg_class'::regclass and objsubid = 0
  union all select format('column %s.%I %s %s %s %s %s %s %s %s', name, attname, format_type(atttypid, atttypmod),
      case when attcollation <> typcollation then attcollation::regcollation end,
      case when attnotnull then 'not null' end, attidentity, attgenerated, pg_get_expr(adbin, adrelid), attacl::text,
      quote_literal(col_description(attrelid, attnum)))
    from pg_attribute a join made on a.attrelid = made.oid and relkind in ('r', 'p', 'f', 'c')
    join pg_type t on t.oid = atttypid left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attnum > 0 and not attisdropped
  union all select 'view ' || name || ' ' || pg_get_viewdef(oid) from made where relkind in ('v', 'm')
  union all select 'sequence ' || name || ' ' || (to_jsonb(s) - 'seqrelid')::text
    from pg_sequence s join made on made.oid = seqrelid
  union all select format('constraint %s.%I %s', name, conname, pg_get_constraintdef(k.oid))
    from pg_constraint k join made on conrelid = made.oid
  union all select 'index ' || pg_get_indexdef(indexrelid) || case when indisvalid then '' else ' (invalid)' end
    from pg_index join made on indexrelid = made.oid
  union all select 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || tgenabled::text
    from pg_trigger t join made on tgrelid = made.oid where not tgisinternal
  union all select 'policy ' || to_jsonb(p)::text from pg_policies p join ours on nspname = schemaname
  union all select 'rule ' || pg_get_ruledef(r.oid)
    from pg_rewrite r join made on ev_class = made.oid where rulename <> '_RETURN'
  union all select 'function ' || pg_get_functiondef(p.oid) || ' ' || coalesce(proacl::text, '')
    from pg_proc p join ours on pronamespace = ours.oid where prokind in ('f', 'p') and not exists (
      select from pg_depend d where d.objid = p.oid and d.deptype = 'e' and d.classid = 'pg_proc'::regclass)
  union all select format('type %I.%I %s %s', nspname, typname, typtype, coalesce(
      (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid),
      format_type(typbasetype, typtypmod) || ' ' || coalesce(typdefault, '') || ' ' || typnotnull::text || ' ' ||
      coalesce((select string_agg(pg_get_constraintdef(k.oid), ' ' order by conname) from pg_constraint k
        where contypid = t.oid), '')))
    from pg_type t join ours on typnamespace = ours.oid where typtype in ('e', 'd') and not exists (
      select from pg_depend d where d.objid = t.oid and d.deptype = 'e' and d.classid = 'pg_type'::regclass)
)
select line from lines order by line collate "C"
"""

#: Tables and their columns.
COLUMNS = """
select format('%I.%I', table_schema, table_name), quote_ident(column_name)
from information_schema.columns join information_schema.tables using (table_schema, table_name)
where table_type = 'BASE TABLE' and table_schema !~ '^pg_' and table_schema <> 'information_schema'
  and table_name <> 'schema_migrations'
order by 1, 2
"""


#: Of a table with these columns: its name, how many rows it has, and a checksum of them.
CONTENTS = """
select {name}, count(*)::text, md5(coalesce(string_agg(line, chr(10) order by line), ''))
from (select row({columns})::text as line from {table}) as lines
"""


def contents(tables: Mapping[str, Sequence[str]]) -> str:
    """Ask for all of these tables, by their columns."""
    names = {table: "'" + table.replace("'", "''") + "'" for table in tables}
    each = (CONTENTS.format(name=names[it], columns=", ".join(tables[it]), table=it) for it in tables)
    return " union all ".join(each)
