import type { components } from "./schema";

type ProblemBody = Partial<{
  title: string;
  status: number;
  detail: string;
  errors: { path: string; message: string }[] | null;
  current: Record<string, unknown> | null;
}>;

/** What is said of an answer, and what the person can do about it. */
const ADVICE: Record<number, string> = {
  401: "You are not signed in",
  403: "Your role does not allow this",
  404: "Not found",
  409: "This is in conflict with what is there now",
  422: "The request cannot be used as it is",
  429: "Too many tries",
  503: "The server cannot answer just now",
};

/** An answer that is not a success, with the problem in the shape the page shows. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: { title: string; detail?: string; problems?: string[] };
  /** On a lost edit: what is there now. */
  readonly current: { text: string; etag: string } | null;

  constructor(status: number, body: ProblemBody, title = ADVICE[status]) {
    super(body.detail ?? body.title ?? `The server answered ${status}.`);
    this.status = status;
    const problems = body.errors?.map((error) => (error.path ? `${error.path}: ${error.message}` : error.message)) ?? [];
    const repeated = problems.length === 1 && problems[0]?.endsWith(this.message);
    this.problem = { title: title ?? body.title ?? "The server could not do this", detail: this.message, problems: repeated ? [] : problems };
    this.current = lostEdit(body.current);
  }
}

function lostEdit(current: ProblemBody["current"]): { text: string; etag: string } | null {
  if (!current || typeof current.text !== "string" || typeof current.etag !== "string") return null;
  return { text: current.text, etag: current.etag };
}

/** The server did not answer at all. */
export class Unreachable extends Error {
  readonly problem = {
    title: "The server does not answer",
    detail: "Check that Penstock is running and that this machine reaches it. The page goes on by itself when it does.",
  };
}

export type Schemas = components["schemas"];
