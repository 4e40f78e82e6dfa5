-- Which features of flags.json are switched: a row for each change, of which the newest counts. ops/flag writes them.

-- migrate:up
create table flag_switches (
  id bigint auto_increment primary key,
  flag varchar(200) not null,
  state varchar(5) not null check (state in ('on', 'off', 'reset')),
  who varchar(1000) not null,
  at datetime(6) not null default (utc_timestamp(6)),
  index flag_switches_newest (flag, id)
) character set utf8mb4 collate utf8mb4_bin;

-- migrate:down
drop table flag_switches;
