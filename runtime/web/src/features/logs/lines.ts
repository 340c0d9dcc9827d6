import type { LogLine } from "@/api/types";

export type Threshold = "DEBUG" | "WARNING" | "ERROR";

const RANKS: Record<string, number> = { DEBUG: 0, INFO: 1, WARNING: 2, ERROR: 3, CRITICAL: 4 };

/** The lines at or above a level that contain the text, in any case. The same array when nothing is asked. */
export function filterLines(lines: readonly LogLine[], text: string, level: Threshold): readonly LogLine[] {
  const needle = text.trim().toLowerCase();
  const least = RANKS[level] ?? 0;
  if (!needle && least === 0) return lines;
  return lines.filter((line) => (RANKS[line.level] ?? 1) >= least && (!needle || line.message.toLowerCase().includes(needle)));
}
