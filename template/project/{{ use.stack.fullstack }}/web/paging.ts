/** One page of a list, as the API describes it. */
export interface Page {
  total: number;
  limit: number;
  offset: number;
}

/** Where the page before begins; undefined on the first. */
export function previous({ limit, offset }: Page): number | undefined {
  return offset > 0 ? Math.max(0, offset - limit) : undefined;
}

/** Where the next page begins; undefined on the last. */
export function next({ total, limit, offset }: Page): number | undefined {
  return offset + limit < total ? offset + limit : undefined;
}

/** Where the last page begins. */
export function last({ total, limit }: Pick<Page, "limit" | "total">): number {
  return Math.max(0, Math.ceil(total / limit) - 1) * limit;
}

/** "11–20 of 23" */
export function range({ total, limit, offset }: Page): string {
  if (total === 0) return "No notes yet";
  return `${offset + 1}–${Math.min(offset + limit, total)} of ${total}`;
}
