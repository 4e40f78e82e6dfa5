// The service's API, as far as the page uses it.

export interface Note {
  id: string;
  title: string;
  body: string;
  createdAt: string;
}

export interface NotesPage {
  items: Note[];
  total: number;
  limit: number;
  offset: number;
}

export interface Health {
  status: string;
  version: string;
  commit: string;
}

/** Why a request failed, in words for people: for a problem of the API its detail. */
export class Problem extends Error {
  override name = "Problem";
  /** The status of the answer; 0 when there was none. */
  readonly status: number;
  /** What is wrong with which part of the request, say "body.title". */
  readonly errors: ReadonlyMap<string, string>;

  constructor(
    status: number,
    message: string,
    errors: ReadonlyMap<string, string> = new Map(),
  ) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

const TIMEOUT_MS = 10_000;

export function connect(origin: string) {
  async function call(
    method: "DELETE" | "GET" | "POST",
    path: string,
    body?: unknown,
  ): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, origin), {
        method,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body !== undefined && {
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
      });
      text = await response.text();
    } catch {
      throw new Problem(0, "The service cannot be reached");
    }
    const answer = parse(text);
    if (response.ok) return answer;
    throw problem(response, answer);
  }

  return {
    health: () => call("GET", "/healthz") as Promise<Health>,
    readiness: () => call("GET", "/readyz"),
    list: (offset: number, limit: number) => {
      const path = `/notes?limit=${limit}&offset=${offset}`;
      return call("GET", path) as Promise<NotesPage>;
    },
    create: (title: string, body: string) =>
      call("POST", "/notes", { title, body }) as Promise<Note>,
    remove: (id: string) => call("DELETE", `/notes/${id}`),
  };
}

/** The members of an RFC 9457 problem that the API sends. */
interface ProblemBody {
  title?: string;
  detail?: string;
  failing?: string[];
  errors?: { location: string; detail: string }[];
}

function problem({ status, headers }: Response, body: unknown): Problem {
  const { title, detail, failing, errors = [] } = (body ?? {}) as ProblemBody;
  let message = detail ?? title ?? `The service answered with ${status}`;
  if (failing) message += `: ${failing.join(", ")}`;
  const wait = headers.get("retry-after");
  if (wait) message += `. Try again in ${wait} s`;
  return new Problem(
    status,
    message,
    new Map(errors.map((error) => [error.location, error.detail])),
  );
}

/** What is no JSON, say the error page of a proxy, says nothing to us. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
