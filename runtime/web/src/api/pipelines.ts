import { queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { BlockSource, PipelineSummary } from "./types";

const PAGE = 200;

async function allPipelines(): Promise<PipelineSummary[]> {
  const found: PipelineSummary[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: PipelineSummary[]; next_cursor: string | null } = await unwrap(
      client.GET("/api/v1/pipelines", { params: { query: { limit: PAGE, cursor } } }),
    );
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return found;
}

export const pipelinesQuery = queryOptions({ queryKey: ["pipelines"], queryFn: allPipelines });

export function pipelineQuery(slug: string) {
  return queryOptions({
    queryKey: ["pipelines", slug],
    queryFn: () => unwrap(client.GET("/api/v1/pipelines/{slug}", { params: { path: { slug } } })),
  });
}

export function sourceQuery(slug: string, block: string) {
  return queryOptions({
    queryKey: ["pipelines", slug, "source", block],
    queryFn: () => unwrap(client.GET("/api/v1/pipelines/{slug}/blocks/{block}/source", { params: { path: { slug, block } } })),
  });
}

/** Saves a block's text if it is still the version `etag`; otherwise an ApiError carries the present text. */
export async function saveSource(slug: string, block: string, text: string, etag: string): Promise<BlockSource> {
  return unwrap(
    client.PUT("/api/v1/pipelines/{slug}/blocks/{block}/source", {
      params: { path: { slug, block }, header: { "If-Match": `"${etag}"` } },
      body: { text },
    }),
  );
}
