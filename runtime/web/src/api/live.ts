import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./errors";
import { EventStream, pollInterval, useFollow, useLiveness } from "./events";

const TRIES = 2;

/** An answer that says no stays no; silence and overload are worth another try. */
function worthAnother(failures: number, error: Error): boolean {
  if (error instanceof ApiError && error.status < 500) return false;
  return failures < TRIES;
}

export const queries = new QueryClient({
  defaultOptions: { queries: { retry: worthAnother, staleTime: 1000, refetchOnWindowFocus: true }, mutations: { retry: false } },
});

export const events = new EventStream(queries);

/** The interval for queries whose answer moves while `active`. */
export function usePollInterval(active: boolean): number {
  return pollInterval(useLiveness(events), active);
}

export function useIsLive(): boolean {
  return useLiveness(events) === "live";
}

export function useFollowBackfills(): void {
  useFollow(events, "backfills");
}

export function useFollowRun(id: string): void {
  useFollow(events, `run:${id}`);
}
