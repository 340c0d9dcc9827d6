import type { TriggerValues } from "@/api/triggers";
import type { Trigger, TriggerSettings } from "@/api/types";

export type Kind = "schedule" | "api" | "event";
export type Rhythm = "preset" | "cron" | "interval";
export type Unit = "seconds" | "minutes" | "hours" | "days";

/** What stands in the fields of the form: text as it is typed. */
export interface TriggerForm {
  kind: Kind;
  name: string;
  description: string;
  active: boolean;
  rhythm: Rhythm;
  preset: string;
  cron: string;
  interval: Span;
  timezone: string;
  start: string;
  end: string;
  initialRun: boolean;
  jitter: Span;
  catchUp: "latest" | "none" | "all";
  perMinute: string;
  alone: boolean;
  runLimit: string;
  timeout: Span;
  timeoutStatus: "failed" | "cancelled";
  sla: Span;
  eventName: string;
  eventMatch: string;
  variables: string;
}

/** A length of time as people write it; an empty amount is none. */
export interface Span {
  amount: string;
  unit: Unit;
}

export type Problems = Partial<Record<keyof TriggerForm, string>>;

export const PRESETS = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@once", "@always_on"] as const;
export const UNIT_SECONDS: Record<Unit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };
const LARGEST_FIRST: readonly Unit[] = ["days", "hours", "minutes"];

export function spanOf(seconds: unknown, unit: Unit = "minutes"): Span {
  if (typeof seconds !== "number" || seconds === 0) return { amount: "", unit };
  const found = LARGEST_FIRST.find((one) => seconds % UNIT_SECONDS[one] === 0) ?? "seconds";
  return { amount: String(seconds / UNIT_SECONDS[found]), unit: found };
}

/** Seconds; null for none, NaN for what is no number. */
export function secondsOf({ amount, unit }: Span): number | null {
  if (!amount.trim()) return null;
  return Number(amount.replace(",", ".")) * UNIT_SECONDS[unit];
}

/** The fields of a trigger, or of a new one. */
export function formOf(trigger: Pick<Trigger, "kind" | "name" | "active" | "settings" | "variables"> | null, kind: Kind, timezone: string): TriggerForm {
  const settings = trigger?.settings ?? {};
  const text = (key: string) => (typeof settings[key] === "string" ? settings[key] : "");
  const written = text("schedule_interval");
  const isPreset = trigger === null || (PRESETS as readonly string[]).includes(written);
  const event = (settings.event ?? {}) as { name?: string; match?: unknown };
  return {
    kind: trigger ? (trigger.kind as Kind) : kind,
    name: trigger?.name ?? "",
    description: text("description"),
    active: trigger?.active ?? true,
    rhythm: typeof settings.interval_seconds === "number" ? "interval" : isPreset ? "preset" : "cron",
    preset: isPreset && written ? written : "@daily",
    cron: written && !isPreset ? written : "0 6 * * *",
    interval: typeof settings.interval_seconds === "number" ? spanOf(settings.interval_seconds) : { amount: "15", unit: "minutes" },
    timezone: trigger ? text("timezone") || "UTC" : timezone,
    start: text("start_time"),
    end: text("end_time"),
    initialRun: settings.create_initial_pipeline_run === true,
    jitter: spanOf(settings.jitter_seconds, "seconds"),
    catchUp: settings.catch_up === "none" || settings.catch_up === "all" ? settings.catch_up : "latest",
    perMinute: typeof settings.catch_up_per_minute === "number" ? String(settings.catch_up_per_minute) : "",
    alone: trigger ? settings.skip_if_previous_running === true : kind === "schedule",
    runLimit: typeof settings.pipeline_run_limit === "number" && settings.pipeline_run_limit > 0 ? String(settings.pipeline_run_limit) : "",
    timeout: spanOf(settings.timeout),
    timeoutStatus: settings.timeout_status === "cancelled" ? "cancelled" : "failed",
    sla: spanOf(settings.sla),
    eventName: event.name ?? "",
    eventMatch: event.match ? JSON.stringify(event.match, null, 1) : "",
    variables: JSON.stringify(trigger?.variables ?? {}, null, 1),
  };
}

/** What to send; nulls take away what the trigger may have had. */
export function valuesOf(form: TriggerForm): TriggerValues {
  return { name: form.name.trim(), active: form.active, settings: settingsOf(form), variables: parseObject(form.variables) ?? {} };
}

export function settingsOf(form: TriggerForm): TriggerSettings {
  const timeout = secondsOf(form.timeout);
  return {
    description: form.description.trim() || null,
    ...(form.kind === "schedule" ? scheduleOf(form) : {}),
    skip_if_previous_running: form.alone || null,
    pipeline_run_limit: form.runLimit.trim() ? Number(form.runLimit) : null,
    timeout,
    timeout_status: timeout === null || form.timeoutStatus === "failed" ? null : form.timeoutStatus,
    sla: secondsOf(form.sla),
    ...(form.kind === "event" ? { event: { name: form.eventName.trim(), match: form.eventMatch.trim() ? parseObject(form.eventMatch) : null } } : {}),
  };
}

export function scheduleOf(form: TriggerForm): TriggerSettings {
  return {
    schedule_interval: form.rhythm === "interval" ? null : form.rhythm === "preset" ? form.preset : form.cron.trim(),
    interval_seconds: form.rhythm === "interval" ? secondsOf(form.interval) : null,
    timezone: form.timezone.trim() && form.timezone !== "UTC" ? form.timezone.trim() : null,
    start_time: form.start.trim() || null,
    end_time: form.end.trim() || null,
    create_initial_pipeline_run: form.initialRun || null,
    jitter_seconds: secondsOf(form.jitter),
    catch_up: form.catchUp === "latest" ? null : form.catchUp,
    catch_up_per_minute: form.catchUp === "all" && form.perMinute.trim() ? Number(form.perMinute) : null,
  };
}

/** What the page can tell by itself; the server looks again. */
export function problemsOf(form: TriggerForm): Problems {
  const found: Problems = {};
  if (!form.name.trim()) found.name = "Give it a name.";
  if (form.kind === "schedule") {
    if (form.rhythm === "cron" && !form.cron.trim()) found.cron = "Write five fields, such as 0 6 * * *.";
    if (form.rhythm === "interval" && !((secondsOf(form.interval) ?? 0) >= 1)) found.interval = "Write a number, at least one second.";
    if (isWrong(form.jitter)) found.jitter = "Write a number of seconds or minutes.";
    if (form.catchUp === "all" && form.perMinute.trim() && !(Number(form.perMinute) > 0)) found.perMinute = "Write how many runs a minute.";
  }
  if (form.kind === "event") {
    if (!form.eventName.trim()) found.eventName = "Which event starts it?";
    if (form.eventMatch.trim() && !parseObject(form.eventMatch)) found.eventMatch = "Write a JSON object, such as {\"$.country\": \"DE\"}.";
  }
  if (form.runLimit.trim() && !/^[1-9]\d*$/.test(form.runLimit.trim())) found.runLimit = "Write a whole number from 1 on, or leave it empty.";
  if (isWrong(form.timeout)) found.timeout = "Write a number.";
  if (isWrong(form.sla)) found.sla = "Write a number.";
  if (!parseObject(form.variables)) found.variables = "Write a JSON object, such as {\"day\": \"2026-01-01\"}.";
  return found;
}

function isWrong(span: Span): boolean {
  const seconds = secondsOf(span);
  return seconds !== null && !(seconds > 0);
}

function parseObject(text: string): Record<string, unknown> | null {
  if (!text.trim()) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Every timezone that the browser knows, UTC first. */
export function timezones(): string[] {
  const all = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return ["UTC", ...all.filter((zone) => zone !== "UTC")];
}

export function ownTimezone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
