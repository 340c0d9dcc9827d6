import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { MadeTrigger, Run, Trigger, TriggerSettings, TriggerToken } from "./types";

/** What a person can write of a trigger. In `settings` a null takes that one away. */
export interface TriggerValues {
  name: string;
  active: boolean;
  settings: TriggerSettings;
  variables: Record<string, unknown>;
}

/** Triggers page by page, by pipeline and name. */
export function triggersQuery(pipeline?: string) {
  return infiniteQueryOptions({
    queryKey: ["triggers", pipeline ?? null],
    queryFn: ({ pageParam }) => unwrap(client.GET("/api/v1/triggers", { params: { query: { limit: 100, ...(pipeline ? { pipeline } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function triggerQuery(id: string) {
  return queryOptions({
    queryKey: ["trigger", id],
    queryFn: () => unwrap(client.GET("/api/v1/triggers/{trigger_id}", { params: { path: { trigger_id: id } } })),
  });
}

export function ticksQuery(id: string) {
  return queryOptions({
    queryKey: ["trigger", id, "ticks"],
    queryFn: () => unwrap(client.GET("/api/v1/triggers/{trigger_id}/ticks", { params: { path: { trigger_id: id } } })),
  });
}

/** The ticks of a schedule that is not kept yet. */
export function previewQuery(settings: TriggerSettings) {
  return queryOptions({
    queryKey: ["schedule", settings],
    queryFn: () => unwrap(client.POST("/api/v1/triggers/preview", { body: { settings } })),
    retry: false,
    staleTime: 30_000,
  });
}

export async function createTrigger(pipeline: string, kind: "schedule" | "api" | "event", values: TriggerValues): Promise<MadeTrigger> {
  return unwrap(client.POST("/api/v1/triggers", { body: { pipeline, kind, ...values } }));
}

/** Saves over the trigger as it was read; refused when somebody changed it since. */
export async function changeTrigger(trigger: Trigger, values: TriggerValues): Promise<Trigger> {
  return unwrap(client.PATCH("/api/v1/triggers/{trigger_id}", { params: { path: { trigger_id: trigger.id }, header: { "If-Match": `"${trigger.etag}"` } }, body: values }));
}

export async function switchTrigger(id: string, active: boolean): Promise<Trigger> {
  const at = { params: { path: { trigger_id: id } } };
  return unwrap(active ? client.POST("/api/v1/triggers/{trigger_id}/resume", at) : client.POST("/api/v1/triggers/{trigger_id}/pause", at));
}

export async function deleteTrigger(id: string): Promise<unknown> {
  return unwrap(client.DELETE("/api/v1/triggers/{trigger_id}", { params: { path: { trigger_id: id } } }));
}

export async function fireTrigger(id: string, key: string): Promise<Run> {
  return unwrap(client.POST("/api/v1/triggers/{trigger_id}/runs", { params: { path: { trigger_id: id } }, body: { variables: {}, idempotency_key: key } }));
}

export async function newTriggerToken(id: string): Promise<TriggerToken> {
  return unwrap(client.POST("/api/v1/triggers/{trigger_id}/token", { params: { path: { trigger_id: id } } }));
}
