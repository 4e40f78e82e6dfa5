import { z } from "zod";
import { HttpError, problemSchema } from "../../errors.ts";
import { behind } from "../../flags.ts";
import type { ZodPlugin } from "../../validation.ts";
import type { NotesRepository } from "./repository.ts";
import {
  newNoteSchema,
  noteParamsSchema,
  noteSchema,
  notePreviewSchema,
  notesPageSchema,
  pageSchema,
} from "./schemas.ts";

const noteNotFound = () => new HttpError(404, "No such note");
const titleTaken = () => new HttpError(409, "A note with this title exists");

export const notesRoutes: ZodPlugin<{ repository: NotesRepository }> = async (
  app,
  { repository },
) => {
  app.post(
    "",
    {
      schema: {
        body: newNoteSchema,
        response: { 201: noteSchema, 409: problemSchema },
      },
    },
    async (request, reply) => {
      const note = await repository.create(request.body);
      if (!note) throw titleTaken();
      return reply
        .code(201)
        .header("location", `${app.prefix}/${note.id}`)
        .send(note);
    },
  );

  app.get(
    "",
    { schema: { querystring: pageSchema, response: { 200: notesPageSchema } } },
    async ({ query }) => ({ ...(await repository.list(query)), ...query }),
  );

  app.get(
    "/:id",
    {
      schema: {
        params: noteParamsSchema,
        response: { 200: noteSchema, 404: problemSchema },
      },
    },
    async (request) => {
      const note = await repository.find(request.params.id);
      if (!note) throw noteNotFound();
      return note;
    },
  );

  // An experiment: flags.json says where it is on.
  app.get(
    "/:id/preview",
    {
      onRequest: behind("notes-preview"),
      schema: {
        params: noteParamsSchema,
        response: { 200: notePreviewSchema, 404: problemSchema },
      },
    },
    async (request) => {
      const note = await repository.find(request.params.id);
      if (!note) throw noteNotFound();
      return { title: note.title, preview: note.body.slice(0, 100) };
    },
  );

  app.delete(
    "/:id",
    {
      schema: {
        params: noteParamsSchema,
        response: { 204: z.void(), 404: problemSchema },
      },
    },
    async (request, reply) => {
      if (!(await repository.delete(request.params.id))) throw noteNotFound();
      return reply.code(204).send();
    },
  );
};
