import type { Note } from "./schemas.ts";

/** Seeded only where APP_ENV is local, to have something to look at. */
export const mockNotes: readonly Note[] = [
  {
    id: "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01",
    title: "Welcome",
    body: "This note is mock data.",
    createdAt: "2026-01-01T09:00:00.000Z",
  },
  {
    id: "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b02",
    title: "Shopping",
    body: "Coffee, oats, apples.",
    createdAt: "2026-01-02T09:00:00.000Z",
  },
];
