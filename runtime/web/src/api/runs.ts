import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { RetryRequest, Run } from "./types";

export interface RunConditions {
  pipeline?: string;
  status?: string;
  /** A trigger's id. */
  trigger?: string;
  /** Local times of a date field, created at or after and before. */
  from?: string;
  to?: string;
}

const PAGE = 50;

async function readRuns(where: RunConditions, limit: number, cursor: string | null) {
  const query = {
    limit,
    cursor,
    pipeline: where.pipeline === "" ? null : where.pipeline ?? null,
    trigger: where.trigger ?? null,
    status: where.status ? [where.status as Run["status"]] : null,
    from: instant(where.from),
    to: instant(where.to),
  };
  return unwrap(client.GET("/api/v1/runs", { params: { query: withoutNulls(query) } }));
}

function withoutNulls<T extends object>(query: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== null)) as { [Key in keyof T]?: NonNullable<T[Key]> };
}

function instant(local: string | undefined): string | null {
  const at = local ? new Date(local) : null;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}

/** Runs page by page, newest first. */
export function runsQuery(where: RunConditions) {
  return infiniteQueryOptions({
    queryKey: ["runs", "list", where],
    queryFn: ({ pageParam }) => readRuns(where, PAGE, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

/** The newest runs of all pipelines: enough for the strips on the first page. */
export const recentRunsQuery = queryOptions({
  queryKey: ["runs", "recent"],
  queryFn: async () => (await readRuns({}, 200, null)).items,
});

export function runQuery(id: string) {
  return queryOptions({
    queryKey: ["run", id],
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: id } } })),
  });
}

export function blockRunsQuery(id: string) {
  return queryOptions({
    queryKey: ["run", id, "blocks"],
    queryFn: async () => (await unwrap(client.GET("/api/v1/runs/{run_id}/blocks", { params: { path: { run_id: id } } }))).items,
  });
}

export function outputQuery(id: string, block: string, mapIndex: number | null) {
  const query = mapIndex === null ? { sample: 100 } : { sample: 100, map_index: mapIndex };
  return queryOptions({
    queryKey: ["run", id, "output", block, mapIndex],
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}/blocks/{block}/output", { params: { path: { run_id: id, block }, query } })),
  });
}

/** Not crypto.randomUUID: that is missing on pages served by plain http from another machine. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export async function startRun(slug: string, variables: Record<string, unknown>, key: string): Promise<Run> {
  return unwrap(client.POST("/api/v1/pipelines/{slug}/runs", { params: { path: { slug } }, body: { variables, idempotency_key: key } }));
}

export async function cancelRun(id: string): Promise<Run> {
  return unwrap(client.POST("/api/v1/runs/{run_id}/cancel", { params: { path: { run_id: id } } }));
}

export async function retryRun(id: string, request: RetryRequest): Promise<Run> {
  return unwrap(client.POST("/api/v1/runs/{run_id}/retry", { params: { path: { run_id: id } }, body: request }));
}
