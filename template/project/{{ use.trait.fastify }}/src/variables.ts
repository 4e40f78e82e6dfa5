import type { ZodRawShape } from "zod";

/** What the service reads beside config.ts. Document each at the end of .env.example. */
export const variables = {} satisfies ZodRawShape;
