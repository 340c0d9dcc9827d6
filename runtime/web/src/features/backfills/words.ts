import type { Backfill } from "@/api/types";

export const PRESETS = { "@hourly": "Hourly", "@daily": "Daily", "@weekly": "Weekly", "@monthly": "Monthly" } as const;

/** "Daily", "Every 6 h", "0 6 * * 1-5". */
export function scheduleText({ schedule_interval: cron, interval_seconds: seconds }: Backfill["schedule"]): string {
  if (seconds) return `Every ${spanText(seconds)}`;
  return cron && cron in PRESETS ? PRESETS[cron as keyof typeof PRESETS] : cron ?? "";
}

const UNITS = [["d", 86_400], ["h", 3600], ["min", 60]] as const;

export function spanText(seconds: number): string {
  for (const [name, size] of UNITS) if (seconds >= size && seconds % size === 0) return `${seconds / size} ${name}`;
  return `${seconds} s`;
}

/** What the page calls its state: a cancelled one whose runs have not all ended is still being cancelled. */
export function stateOf(backfill: Pick<Backfill, "status" | "ended_at">): string {
  return backfill.status === "cancelled" && !backfill.ended_at ? "cancelling" : backfill.status;
}

export interface Share {
  status: string;
  count: number;
}

const ORDER = ["succeeded", "failed", "cancelled", "running", "queued"] as const;

/** How many of its times are in which state, in the order of the bar; `unmade` are those without a run. */
export function sharesOf(backfill: Pick<Backfill, "total" | "runs_by_status">): Share[] {
  const counts: Partial<Record<string, number>> = backfill.runs_by_status;
  const shares: Share[] = ORDER.map((status) => ({ status, count: counts[status] ?? 0 }));
  const known = shares.reduce((sum, share) => sum + share.count, 0);
  return [...shares, { status: "unmade", count: Math.max(0, backfill.total - known) }].filter((share) => share.count > 0);
}

export function doneOf(backfill: Pick<Backfill, "runs_by_status">): number {
  const counts: Partial<Record<string, number>> = backfill.runs_by_status;
  return (counts.succeeded ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);
}
