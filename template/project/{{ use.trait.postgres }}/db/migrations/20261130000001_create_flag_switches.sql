-- Which features of flags.json are switched: a row for each change, of which the newest counts. ops/flag writes them.

-- migrate:up
create table flag_switches (
  id bigint generated always as identity primary key,
  flag text not null,
  state text not null check (state in ('on', 'off', 'reset')),
  who text not null,
  at timestamptz not null default now()
);
create index flag_switches_newest on flag_switches (flag, id);

-- migrate:down
drop table flag_switches;
