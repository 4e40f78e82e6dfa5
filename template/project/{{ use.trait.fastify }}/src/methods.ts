import type { FastifyInstance } from "fastify";

/** The methods of every path that the app has a route for. */
export class Methods {
  readonly #routes = new Map<string, { path: RegExp; methods: Set<string> }>();

  constructor(app: FastifyInstance) {
    app.addHook("onRoute", ({ url, method }) => {
      // One that takes what nothing else does is no path of its own.
      if (url.includes("*")) return;
      const route = this.#routes.get(url) ?? {
        path: pattern(url),
        methods: new Set(),
      };
      this.#routes.set(url, route);
      for (const name of [method].flat()) route.methods.add(name);
    });
  }

  of(path: string): string[] {
    return [...this.#routes.values()]
      .filter((route) => route.path.test(path))
      .flatMap(({ methods }) => [...methods]);
  }
}

/** Matches the paths of a route such as /users/:id. */
function pattern(url: string): RegExp {
  const path = url
    .replace(/[$()+.?[\\\]^{|}]/g, String.raw`\$&`)
    .replace(/:[^/]+/g, "[^/]+");
  return new RegExp(`^${path}$`);
}
