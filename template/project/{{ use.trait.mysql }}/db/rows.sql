-- Rows as the service writes them. ops/migrate local prove takes those of the last release through every migration
-- since: add one for whatever a new table or a new rule makes possible.
insert into notes (id, title, body, created_at) values
  ('00000000-0000-4000-8000-000000000001', 'Milk', '', '2026-11-30 12:00:00'),
  ('00000000-0000-4000-8000-000000000002', 'It''s "Größe" 🎉', 'two\nlines', '2026-11-30 12:00:00.123456');
insert into flag_switches (flag, state, who) values ('notes-preview', 'off', 'Zoë, zoe@example.com');
