/** What each status of a run, block run or attempt is called, and how it is drawn. */

export type Tone = "succeeded" | "running" | "failed" | "waiting" | "idle";
export type Glyph = "check" | "cross" | "ring" | "dots" | "circle" | "retry" | "clock" | "blocked" | "skip" | "slash" | "lost";

export interface StatusLook {
  label: string;
  tone: Tone;
  glyph: Glyph;
}

const LOOKS: Record<string, StatusLook> = {
  queued: { label: "Queued", tone: "idle", glyph: "dots" },
  pending: { label: "Pending", tone: "idle", glyph: "dots" },
  ready: { label: "Ready", tone: "idle", glyph: "circle" },
  running: { label: "Running", tone: "running", glyph: "ring" },
  retry_wait: { label: "Waiting to retry", tone: "waiting", glyph: "retry" },
  deferred: { label: "Deferred", tone: "waiting", glyph: "clock" },
  succeeded: { label: "Succeeded", tone: "succeeded", glyph: "check" },
  failed: { label: "Failed", tone: "failed", glyph: "cross" },
  upstream_failed: { label: "Upstream failed", tone: "failed", glyph: "blocked" },
  skipped: { label: "Skipped", tone: "idle", glyph: "skip" },
  paused: { label: "Paused", tone: "waiting", glyph: "clock" },
  cancelling: { label: "Cancelling", tone: "idle", glyph: "slash" },
  unmade: { label: "To come", tone: "idle", glyph: "dots" },
  cancelled: { label: "Cancelled", tone: "idle", glyph: "slash" },
  lost: { label: "Lost", tone: "waiting", glyph: "lost" },
};

/** A status this page does not know yet is shown by its own name rather than hidden. */
export function lookOf(status: string): StatusLook {
  return LOOKS[status] ?? { label: status.replaceAll("_", " "), tone: "idle", glyph: "circle" };
}
