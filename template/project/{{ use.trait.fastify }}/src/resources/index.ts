import type { Config } from "../config.ts";
import type { ZodPlugin } from "../validation.ts";
import { notes } from "./notes/resource.ts";

/** What the service offers: each adds its routes. An empty list will do, too. */
export const resources: readonly ZodPlugin<Config>[] = [notes];
