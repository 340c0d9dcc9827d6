import { Link } from "react-router";
import type { Backfill } from "@/api/types";
import { StatusBadge } from "@/components/StatusIcon";
import { Ago } from "@/components/Time";
import { BackfillProgress } from "./BackfillProgress";
import { timeText } from "./calendar";
import { scheduleText, stateOf } from "./words";

/** Backfills, newest first. On a narrow screen each row becomes a card. */
export function BackfillTable({ backfills, showPipeline }: { backfills: readonly Backfill[]; showPipeline: boolean }) {
  return (
    <div className="table-wrap">
      <table className="grid" data-cards>
        <thead>
          <tr>
            <th scope="col">Backfill</th>
            <th scope="col">Status</th>
            {showPipeline ? <th scope="col">Pipeline</th> : null}
            <th scope="col">Range</th>
            <th scope="col">Progress</th>
            <th scope="col">Made</th>
          </tr>
        </thead>
        <tbody>{backfills.map((one) => <BackfillRow key={one.id} backfill={one} showPipeline={showPipeline} />)}</tbody>
      </table>
    </div>
  );
}

function BackfillRow({ backfill, showPipeline }: { backfill: Backfill; showPipeline: boolean }) {
  const { timezone } = backfill.schedule;
  return (
    <tr>
      <td className="backfill-name"><Link to={`/backfills/${backfill.id}`}>{backfill.name}</Link></td>
      <td><StatusBadge status={stateOf(backfill)} /></td>
      {showPipeline ? <td className="nowrap"><Link to={`/pipelines/${encodeURIComponent(backfill.pipeline)}`}>{backfill.pipeline}</Link></td> : null}
      <td className="muted small" data-wide>
        <span className="nowrap">{timeText(backfill.start_at, timezone)}</span> – <span className="nowrap">{timeText(backfill.end_at, timezone)}</span>
        <span className="nowrap"> · {scheduleText(backfill.schedule)}</span>
      </td>
      <td data-wide><BackfillProgress backfill={backfill} /></td>
      <td className="muted" data-spare><Ago at={backfill.created_at} /></td>
    </tr>
  );
}
