import { z } from "zod";
import { integer } from "../../validation.ts";

export const noteSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  body: z.string(),
  createdAt: z.iso.datetime(),
});

export const newNoteSchema = z.object({
  title: z.string().trim().min(1).max(200),
  body: z.string().max(10_000).default(""),
});

export const noteParamsSchema = z.object({ id: z.uuid().toLowerCase() });

export const notePreviewSchema = z.object({
  title: z.string(),
  preview: z.string(),
});

export const pageSchema = z.object({
  limit: integer(1, 100).default(20),
  offset: integer(0, Number.MAX_SAFE_INTEGER).default(0),
});

export const notesPageSchema = z.object({
  items: z.array(noteSchema),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
});

export type Note = z.infer<typeof noteSchema>;
export type NewNote = z.infer<typeof newNoteSchema>;
export type Page = z.infer<typeof pageSchema>;
