import createClient, { type Middleware } from "openapi-fetch";
import { ApiError, Unreachable } from "./errors";
import type { paths } from "./schema";

/** The session's token against forged requests. Kept in memory only; read anew with each page. */
let csrfToken: string | null = null;
let onSignedOut: () => void = () => undefined;

export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Registers what happens when an answer says that the session is over. */
export function whenSignedOut(callback: () => void): void {
  onSignedOut = callback;
}

const forgeryGuard: Middleware = {
  onRequest({ request }) {
    if (csrfToken && request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  onError() {
    return new Unreachable();
  },
};

export const client = createClient<paths>({ credentials: "same-origin" });
client.use(forgeryGuard);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or the error it stands for. */
export async function unwrap<T>(asked: Promise<Answer<T>>, { signingIn = false } = {}): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  const refused = response.status === 401;
  if (refused && !signingIn) onSignedOut();
  const title = refused && signingIn ? "That did not sign you in" : undefined;
  throw new ApiError(response.status, typeof error === "object" && error !== null ? error : {}, title);
}
