import type { BackfillPreviewRequest, BackfillRequest } from "@/api/types";
import { PRESETS } from "./words";
import { instantOf, isZone, wallIn } from "./zone";

export type Order = "oldest_first" | "newest_first";

/** The form of a new backfill as it is typed: `often` is a preset, "cron" or "interval". */
export interface Draft {
  pipeline: string;
  often: string;
  cron: string;
  minutes: string;
  zone: string;
  from: string;
  to: string;
  order: Order;
  concurrency: string;
  name: string;
  variables: string;
}

export const OFTEN: Readonly<Record<string, string>> = { ...PRESETS, cron: "Cron expression", interval: "Fixed interval" };
const DAY = 86_400_000;

/** The last seven days, daily: a start that most people change, and nobody has to undo. */
export function draftOf(pipeline: string, now: Date, zone = "UTC"): Draft {
  const today = wallIn(now, zone).slice(0, 11);
  return {
    pipeline,
    often: "@daily",
    cron: "",
    minutes: "60",
    zone,
    from: `${wallIn(new Date(now.getTime() - 6 * DAY), zone).slice(0, 11)}00:00`,
    to: `${today}00:00`,
    order: "oldest_first",
    concurrency: "1",
    name: "",
    variables: "",
  };
}

/** What to ask a preview of; null while a field is empty or cannot be read. */
export function previewOf(draft: Draft): BackfillPreviewRequest | null {
  const start = instantOf(draft.from, draft.zone);
  const end = instantOf(draft.to, draft.zone);
  const schedule = scheduleOf(draft);
  if (!draft.pipeline || !start || !end || !schedule) return null;
  return { pipeline: draft.pipeline, schedule, start_at: start.toISOString(), end_at: end.toISOString(), order: draft.order };
}

function scheduleOf(draft: Draft): BackfillPreviewRequest["schedule"] | null {
  if (!isZone(draft.zone)) return null;
  if (draft.often === "interval") {
    const minutes = Number(draft.minutes);
    return minutes > 0 ? { interval_seconds: Math.round(minutes * 60), timezone: draft.zone } : null;
  }
  const cron = draft.often === "cron" ? draft.cron.trim() : draft.often;
  return cron ? { schedule_interval: cron, timezone: draft.zone } : null;
}

export type Parsed = { variables: Record<string, unknown> } | { problem: string };

export function variablesOf(text: string): Parsed {
  if (!text.trim()) return { variables: {} };
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found === "object" && found !== null && !Array.isArray(found)) return { variables: found as Record<string, unknown> };
  } catch {
    // Said below, with what to write.
  }
  return { problem: "Write a JSON object, such as {\"year\": 2026}." };
}

/** What to create; null where the form is not complete. */
export function requestOf(draft: Draft, key: string): BackfillRequest | null {
  const preview = previewOf(draft);
  const parsed = variablesOf(draft.variables);
  const concurrency = Number(draft.concurrency);
  if (!preview || "problem" in parsed || !Number.isInteger(concurrency) || concurrency < 1) return null;
  return { ...preview, concurrency, variables: parsed.variables, name: draft.name.trim() || null, idempotency_key: key };
}
