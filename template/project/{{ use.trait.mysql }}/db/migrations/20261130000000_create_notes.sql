-- migrate:up
create table notes (
  id char(36) character set ascii collate ascii_bin primary key,
  title varchar(200) not null unique,
  body text not null,
  created_at datetime(6) not null,
  index notes_oldest_first (created_at, id)
) character set utf8mb4 collate utf8mb4_bin;

-- migrate:down
drop table notes;
