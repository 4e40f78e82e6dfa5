-- migrate:up
create table notes (
  id uuid primary key,
  title text not null unique,
  body text not null,
  created_at timestamptz not null default now()
);
create index notes_oldest_first on notes (created_at, id);

-- migrate:down
drop table notes;
