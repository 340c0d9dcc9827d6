import { queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";

/** Decisions of the scaler that the page shows. */
const DECISIONS = 120;

/** The fleet: processes, rights, the queue, and the scaler with its newest decisions. */
export const clusterQuery = queryOptions({
  queryKey: ["cluster"],
  queryFn: () => unwrap(client.GET("/api/v1/cluster", { params: { query: { decisions: DECISIONS } } })),
});
