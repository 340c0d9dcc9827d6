import type { Backfill } from "@/api/types";
import { lookOf } from "@/components/status";
import { StatusIcon } from "@/components/StatusIcon";
import { doneOf, sharesOf } from "./words";

/** The bar of a backfill: how many of its times ended well, failed, are going, are to come. */
export function BackfillProgress({ backfill }: { backfill: Backfill }) {
  const done = doneOf(backfill);
  const failed = backfill.runs_by_status.failed ?? 0;
  return (
    <div className="backfill-progress">
      <Bar backfill={backfill} />
      <span className="num nowrap small">
        {done}/{backfill.total}
        {failed ? <span data-tone="failed" className="failed-count"> · {failed} failed</span> : null}
      </span>
    </div>
  );
}

export function Bar({ backfill }: { backfill: Backfill }) {
  const shares = sharesOf(backfill);
  const text = shares.map((share) => `${share.count} ${lookOf(share.status).label.toLowerCase()}`).join(", ");
  return (
    <span className="backfill-bar" role="img" aria-label={text} title={text}>
      {shares.map((share) => <span key={share.status} data-tone={lookOf(share.status).tone} data-status={share.status} style={{ flexGrow: share.count }} />)}
    </span>
  );
}

/** What the colours mean, with the numbers. */
export function Legend({ backfill }: { backfill: Backfill }) {
  return (
    <ul className="backfill-legend">
      {sharesOf(backfill).map(({ status, count }) => (
        <li key={status}><StatusIcon status={status} /> <span className="num">{count}</span> {lookOf(status).label.toLowerCase()}</li>
      ))}
    </ul>
  );
}
