// An example page: it shows the state of the service and its notes.
import { connect, type Note, type NotesPage, Problem } from "./api.ts";
import { last, next, previous, range } from "./paging.ts";

const NOTES_PER_PAGE = 10;
const STATUS_INTERVAL_MS = 5000;

const api = connect(location.origin);
const dateFormat = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "short",
});

const form = find(document, "#new-note", HTMLFormElement);
const title = find(form, "#title", HTMLInputElement);
const body = find(form, "#body", HTMLTextAreaElement);
const heading = find(document, "#notes-heading", HTMLElement);
const list = find(document, "#notes", HTMLOListElement);
const previousButton = find(document, "#previous", HTMLButtonElement);
const nextButton = find(document, "#next", HTMLButtonElement);
const problemBox = find(document, "#problem", HTMLElement);

let page: NotesPage = { items: [], total: 0, limit: NOTES_PER_PAGE, offset: 0 };
let shown: Problem | undefined;
let stale = true;

/** Does something that may fail, and shows the problem if it does. */
async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
    show(undefined);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    show(error);
  }
}

function show(problem: Problem | undefined): void {
  shown = problem;
  for (const field of [title, body]) {
    const error = problem?.errors.get(`body.${field.name}`) ?? "";
    field.ariaInvalid = String(error !== "");
    find(form, `#${field.name}-error`, HTMLElement).textContent = error;
    if (error) field.focus();
  }
  if (!problem) {
    problemBox.replaceChildren();
    return;
  }
  const content = clone("#problem-template");
  find(content, "p", HTMLElement).textContent = problem.message;
  find(content, "button", HTMLElement).onclick = () => {
    show(undefined);
  };
  problemBox.replaceChildren(content);
}

async function load(offset: number): Promise<void> {
  stale = true;
  page = await api.list(offset, NOTES_PER_PAGE);
  // The only note of the last page is gone.
  if (offset > last(page)) page = await api.list(last(page), NOTES_PER_PAGE);
  list.replaceChildren(...page.items.map(item));
  find(document, "#range", HTMLElement).textContent = range(page);
  previousButton.disabled = previous(page) === undefined;
  nextButton.disabled = next(page) === undefined;
  stale = false;
}

function item(note: Note): DocumentFragment {
  const content = clone("#note-template");
  // As text: what people have written is never markup.
  find(content, "h3", HTMLElement).textContent = note.title;
  find(content, "p", HTMLElement).textContent = note.body;
  const time = find(content, "time", HTMLTimeElement);
  time.dateTime = note.createdAt;
  time.textContent = dateFormat.format(new Date(note.createdAt));
  const button = find(content, "button", HTMLButtonElement);
  button.ariaLabel = `Delete “${note.title}”`;
  button.onclick = () => void attempt(() => remove(note));
  return content;
}

async function create(): Promise<void> {
  if (form.ariaBusy === "true") return; // a double click
  form.ariaBusy = "true";
  try {
    const note = await api.create(title.value, body.value);
    form.reset();
    title.focus();
    say(`Added “${note.title}”`);
    // Oldest first, so the new one is on the last page.
    await load(last({ ...page, total: page.total + 1 }));
  } finally {
    form.ariaBusy = "false";
  }
}

async function remove(note: Note): Promise<void> {
  try {
    await api.remove(note.id);
  } catch (error) {
    // Somebody else was faster, which comes to the same.
    if (!(error instanceof Problem && error.status === 404)) throw error;
  }
  say(`Deleted “${note.title}”`);
  await load(page.offset);
  // The button that had the focus is gone.
  heading.focus();
}

async function turn(to: (page: NotesPage) => number | undefined) {
  await load(to(page) ?? page.offset);
  heading.focus();
}

/** For people who do not see the list change. */
function say(text: string): void {
  find(document, "#done", HTMLElement).textContent = text;
}

async function refreshStatus(): Promise<void> {
  if (document.hidden) return;
  const [health, readiness] = await Promise.allSettled([
    api.health(),
    api.readiness(),
  ]);
  setState("#health", health, "up");
  setState("#readiness", readiness, "ready");
  if (health.status === "rejected") return;

  find(document, "#version", HTMLElement).textContent = health.value.version;
  const commit = find(document, "#commit", HTMLElement);
  commit.textContent = health.value.commit.slice(0, 7);
  commit.title = health.value.commit;
  // The service is back.
  if (stale || shown?.status === 0) await attempt(() => load(page.offset));
}

function setState(
  selector: string,
  result: PromiseSettledResult<unknown>,
  good: string,
): void {
  const element = find(document, selector, HTMLElement);
  const ok = result.status === "fulfilled";
  const text = ok ? good : bad(result.reason);
  // Only a change, which is all that a screen reader should say.
  if (element.textContent !== text) element.textContent = text;
  element.dataset["ok"] = String(ok);
}

function bad(reason: unknown): string {
  if (!(reason instanceof Problem)) throw reason;
  return reason.status === 0 ? "unreachable" : reason.message;
}

/** An element that the page is known to have. */
function find<T extends Element>(
  parent: ParentNode,
  selector: string,
  type: new () => T,
): T {
  const element = parent.querySelector(selector);
  if (element instanceof type) return element;
  throw new Error(`index.html has no ${type.name} ${selector}`);
}

function clone(template: string): DocumentFragment {
  const { content } = find(document, template, HTMLTemplateElement);
  return document.importNode(content, true);
}

form.onsubmit = (event) => {
  event.preventDefault();
  void attempt(create);
};
previousButton.onclick = () => void attempt(() => turn(previous));
nextButton.onclick = () => void attempt(() => turn(next));
document.onvisibilitychange = () => void refreshStatus();
setInterval(() => void refreshStatus(), STATUS_INTERVAL_MS);

await Promise.all([refreshStatus(), attempt(() => load(0))]);
