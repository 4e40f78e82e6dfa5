"""What is MySQL's own: its addresses, what its schema is, what its tables have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote, urlsplit

SCHEMES = ("mysql",)
EXAMPLE = "mysql://USER:PASSWORD@HOST/NAME"
#: What changes a schema ends the transaction that it is in: of a migration that fails, a part may be done.
TRANSACTIONAL = False
#: What a person's shell may have for programs of this engine begins so.
VARIABLES = "MYSQL"


def secured(url: str, certificate: str, *, local: bool) -> str:
    """Give an address with a certificate that is verified; on this machine there is none.

    Without a file of one's own, the authorities of the system count. What else it had after its question mark is for
    other programs.
    """
    query = "" if local else "tls=true&timeout=5s" + (f"&ca={quote(certificate)}" if certificate else "")
    return urlsplit(url)._replace(query=query).geturl()


def told(url: str) -> dict[str, str]:
    """Give what dbmate is told by its environment; which authority counts, its language reads from there."""
    parts = urlsplit(url)
    query, _, certificate = parts.query.partition("&ca=")
    address = {"DATABASE_URL": parts._replace(query=query).geturl()}
    return {**address, "SSL_CERT_FILE": parse_qs(f"ca={certificate}")["ca"][0]} if certificate else address


def place(number: int) -> str:
    """Give what stands for a value in a question, of which it is the first, the second and so on."""
    del number
    return "?"


def moment(column: str) -> str:
    """Give a time, which is kept in UTC, as text."""
    return f"concat(replace(left(cast({column} as char), 19), ' ', 'T'), 'Z')"


OURS = "table_schema = database() and table_name <> 'schema_migrations'"
#: What is in a schema, a line for each, whatever the order in which it was made: a column that comes back is the last.
#: The table of dbmate is none of it.
SCHEMA = """
select line from (
  select concat_ws(' ', 'table', table_name, table_type, engine, table_collation, create_options, quote(table_comment))
    as line
    from information_schema.tables where OURS
  union all select concat_ws(' ', 'column', table_name, column_name, column_type, collation_name, is_nullable,
    quote(column_default), extra, quote(generation_expression), quote(column_comment))
    from information_schema.columns where OURS
  union all select concat_ws(' ', 'index', table_name, index_name, seq_in_index, column_name, sub_part, collation,
    non_unique, index_type)
    from information_schema.statistics where OURS
  union all select concat_ws(' ', 'constraint', table_name, constraint_name, constraint_type)
    from information_schema.table_constraints where OURS
  union all select concat_ws(' ', 'key', table_name, constraint_name, ordinal_position, column_name,
    referenced_table_name, referenced_column_name)
    from information_schema.key_column_usage where OURS
  union all select concat_ws(' ', 'reference', table_name, constraint_name, update_rule, delete_rule)
    from information_schema.referential_constraints where constraint_schema = database()
  union all select concat_ws(' ', 'check', constraint_name, check_clause)
    from information_schema.check_constraints where constraint_schema = database()
  union all select concat_ws(' ', 'partition', table_name, partition_name, partition_method, partition_expression,
    partition_description)
    from information_schema.partitions where OURS and partition_name is not null
  union all select concat_ws(' ', 'view', table_name, view_definition)
    from information_schema.views where OURS
  union all select concat_ws(' ', 'trigger', event_object_table, trigger_name, action_timing, event_manipulation,
    action_order, action_statement)
    from information_schema.triggers where trigger_schema = database()
  union all select concat_ws(' ', 'routine', routine_type, routine_name, dtd_identifier, routine_definition)
    from information_schema.routines where routine_schema = database()
  union all select concat_ws(' ', 'event', event_name, event_type, interval_value, interval_field, event_definition)
    from information_schema.events where event_schema = database()
) as found order by binary line
""".replace("OURS", OURS)

#: Tables and their columns.
COLUMNS = """
select concat('`', replace(table_name, '`', '``'), '`'), concat('`', replace(column_name, '`', '``'), '`')
from information_schema.columns join information_schema.tables using (table_schema, table_name)
where table_type = 'BASE TABLE' and OURS
order by 1, 2
""".replace("OURS", OURS)


#: Of a table with these columns: its name, how many rows it has, and a checksum of them in any order.
CONTENTS = """
select {name}, cast(count(*) as char),
  cast(coalesce(sum(cast(conv(left(md5(concat_ws(',', {columns})), 15), 16, 10) as decimal(20))), 0) as char)
from {table}
"""


def contents(tables: Mapping[str, Sequence[str]]) -> str:
    """Ask for all of these tables, by their columns."""
    names = {table: "'" + table.replace("'", "''") + "'" for table in tables}
    columns = {table: ", ".join(f"quote({each})" for each in tables[table]) for table in tables}
    return " union all ".join(CONTENTS.format(name=names[it], columns=columns[it], table=it) for it in tables)
