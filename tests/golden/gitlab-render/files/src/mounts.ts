import type { FastifyPluginAsync } from "fastify";

/** Plugins that the chosen options add, in the order in which they apply. */
export const mounts: readonly FastifyPluginAsync[] = [];
