// An example resource: replace this folder with your own. It shows where
// routes, schemas, storage and mock data go.
import type { Config } from "../../config.ts";
import type { ZodPlugin } from "../../validation.ts";
import { mockNotes } from "./mock.ts";
import { NotesRepository } from "./repository.ts";
import { notesRoutes } from "./routes.ts";

export const notes: ZodPlugin<Config> = async (app, { APP_ENV }) => {
  const repository = new NotesRepository(app.database);
  app.register(notesRoutes, { prefix: "/notes", repository });

  if (APP_ENV === "local") {
    app.addHook("onReady", async () => {
      try {
        await repository.seed(mockNotes);
      } catch (error) {
        app.log.warn({ err: error }, "no mock data: run ops/migrate local");
      }
    });
  }
};
