import type { BackfillTime } from "@/api/types";
import { partsIn } from "./zone";

/** One logical time in the calendar; `label` is what its row leaves open: a month, a day, a time of day, a minute. */
export interface Cell {
  at: string;
  label: string;
  status: string;
  run: string | null;
}

export interface Row {
  label: string;
  cells: Cell[];
}

type Grain = "year" | "month" | "day" | "hour";

const HOUR = 3_600_000;
const LONGEST_IN_AN_HOUR = 12 * 60_000;

/** What a row of the calendar stands for, by how far apart the times are. */
export function grainOf(times: readonly BackfillTime[]): Grain {
  const first = times[0];
  const last = times.at(-1);
  if (!first || !last || times.length < 2) return "month";
  const apart = (Date.parse(last.logical_at) - Date.parse(first.logical_at)) / (times.length - 1);
  if (apart >= 25 * 24 * HOUR) return "year";
  if (apart >= 20 * HOUR) return "month";
  return apart > LONGEST_IN_AN_HOUR ? "day" : "hour";
}

/** The times in rows, in the given zone. A time without a run has the status `unmade`. */
export function calendarOf(times: readonly BackfillTime[], zone: string): Row[] {
  const grain = grainOf(times);
  const rows: Row[] = [];
  for (const time of times) {
    const parts = partsIn(new Date(time.logical_at), zone);
    const label = rowLabel(grain, parts);
    let row = rows.at(-1);
    if (row?.label !== label) rows.push((row = { label, cells: [] }));
    row.cells.push({ at: time.logical_at, label: cellLabel(grain, parts), status: time.status ?? "unmade", run: time.run });
  }
  return rows;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function monthName(parts: Record<string, string>): string {
  return MONTHS[Number(parts.month) - 1] ?? "";
}

function rowLabel(grain: Grain, parts: Record<string, string>): string {
  if (grain === "year") return parts.year ?? "";
  if (grain === "month") return `${monthName(parts)} ${parts.year}`;
  const day = `${Number(parts.day)} ${monthName(parts)} ${parts.year}`;
  return grain === "day" ? day : `${day}, ${parts.hour} h`;
}

function cellLabel(grain: Grain, parts: Record<string, string>): string {
  if (grain === "year") return monthName(parts);
  if (grain === "month") return String(Number(parts.day));
  return grain === "day" ? `${parts.hour}:${parts.minute}` : `:${parts.minute}`;
}

/** "1 Jan 2026, 06:00" in the zone. */
export function timeText(at: string, zone: string): string {
  const parts = partsIn(new Date(at), zone);
  return `${Number(parts.day)} ${monthName(parts)} ${parts.year}, ${parts.hour}:${parts.minute}`;
}
