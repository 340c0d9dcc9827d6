import { elapsed, formatDuration, formatRelative, useNow } from "./time";

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** "4 min ago", with the exact local time on hover and for machines. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow(Boolean(at));
  if (!at) return <span className="muted">–</span>;
  const date = new Date(at);
  return <time dateTime={at} title={FULL.format(date)} className="nowrap num">{formatRelative(date, now)}</time>;
}

export function Moment({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="muted">–</span>;
  return <time dateTime={at} title={at} className="num">{FULL.format(new Date(at))}</time>;
}

interface Lasting {
  startedAt: string | null | undefined;
  endedAt: string | null | undefined;
}

/** How long it took, counting on while it has started and not ended. */
export function Duration({ startedAt, endedAt }: Lasting) {
  const now = useNow(Boolean(startedAt) && !endedAt);
  const ms = elapsed(startedAt, endedAt, now);
  return <span className="num nowrap">{ms === null ? "–" : formatDuration(ms)}</span>;
}
