import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { Backfill, BackfillPreviewRequest, BackfillRequest } from "./types";

const PAGE = 50;
const TIMES = 1000;

/** Backfills page by page, newest first; of one pipeline where it is given. */
export function backfillsQuery(pipeline?: string) {
  return infiniteQueryOptions({
    queryKey: ["backfills", pipeline ?? ""],
    queryFn: ({ pageParam }) => unwrap(client.GET("/api/v1/backfills", { params: { query: { limit: PAGE, cursor: pageParam, pipeline: pipeline ?? null } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function backfillQuery(id: string) {
  return queryOptions({
    queryKey: ["backfill", id],
    queryFn: () => unwrap(client.GET("/api/v1/backfills/{backfill_id}", { params: { path: { backfill_id: id } } })),
  });
}

/** A page of its logical times, oldest first: page 0 has the first thousand. */
export function backfillTimesQuery(id: string, page: number) {
  return queryOptions({
    queryKey: ["backfill", id, "times", page],
    queryFn: () => unwrap(client.GET("/api/v1/backfills/{backfill_id}/times", { params: { path: { backfill_id: id }, query: { limit: TIMES, cursor: page ? String(page * TIMES) : null } } })),
    placeholderData: keepPreviousData,
  });
}

export function pagesOf(total: number): number {
  return Math.max(1, Math.ceil(total / TIMES));
}

/** What a backfill would do; null asks nothing. */
export function previewQuery(request: BackfillPreviewRequest | null) {
  return queryOptions({
    queryKey: ["backfill-preview", request],
    queryFn: () => request ? unwrap(client.POST("/api/v1/backfills/preview", { body: request })) : null,
    enabled: request !== null,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
}

export function createBackfill(request: BackfillRequest): Promise<Backfill> {
  return unwrap(client.POST("/api/v1/backfills", { body: request }));
}

export type BackfillAction = "pause" | "resume" | "cancel" | "retry";

const ACTIONS = {
  pause: "/api/v1/backfills/{backfill_id}/pause",
  resume: "/api/v1/backfills/{backfill_id}/resume",
  cancel: "/api/v1/backfills/{backfill_id}/cancel",
  retry: "/api/v1/backfills/{backfill_id}/retry",
} as const;

export function actOnBackfill(id: string, action: BackfillAction): Promise<Backfill> {
  return unwrap(client.POST(ACTIONS[action], { params: { path: { backfill_id: id } } }));
}

export function setBackfillConcurrency(id: string, concurrency: number): Promise<Backfill> {
  return unwrap(client.PATCH("/api/v1/backfills/{backfill_id}", { params: { path: { backfill_id: id } }, body: { concurrency } }));
}

export async function deleteBackfill(id: string): Promise<void> {
  await unwrap(client.DELETE("/api/v1/backfills/{backfill_id}", { params: { path: { backfill_id: id } } }));
}
