import { queryOptions } from "@tanstack/react-query";
import { client, setCsrfToken, unwrap } from "./client";
import { ApiError } from "./errors";
import type { Role, Session } from "./types";

/** Who is signed in; null for nobody. */
async function readSession(): Promise<Session | null> {
  const session = await unwrap(client.GET("/api/v1/session"), { signingIn: true }).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  });
  setCsrfToken(session?.csrf_token ?? null);
  return session;
}

export const sessionQuery = queryOptions({ queryKey: ["session"], queryFn: readSession, staleTime: 60_000 });

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: async () => (await unwrap(client.GET("/api/v1/setup"))).needed,
  staleTime: 0,
});

export async function signIn(name: string, password: string): Promise<void> {
  await unwrap(client.POST("/api/v1/session", { body: { name, password } }), { signingIn: true });
}

export async function signOut(): Promise<void> {
  await unwrap(client.DELETE("/api/v1/session"));
  setCsrfToken(null);
}

export async function setUpOwner(owner: { code: string; name: string; password: string }): Promise<void> {
  await unwrap(client.POST("/api/v1/setup", { body: owner }), { signingIn: true });
}

const RANK: Record<Role, number> = { viewer: 0, editor: 1, admin: 2, owner: 3 };

export function mayEdit(session: Session | null | undefined): boolean {
  return session ? RANK[session.role] >= RANK.editor : false;
}
