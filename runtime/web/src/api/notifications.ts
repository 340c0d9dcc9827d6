import { queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";

/** The messages to people about one run. */
export function runNotificationsQuery(run: string) {
  return queryOptions({
    queryKey: ["run", run, "notifications"],
    queryFn: async () => (await unwrap(client.GET("/api/v1/notifications", { params: { query: { run } } }))).items,
  });
}
