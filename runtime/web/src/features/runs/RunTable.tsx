import { Link } from "react-router";
import type { Run } from "@/api/types";
import { StatusBadge } from "@/components/StatusIcon";
import { Ago, Duration } from "@/components/Time";
import { shortId, startedBy } from "./text";

/** Runs, newest first. On a narrow screen each row becomes a card. */
export function RunTable({ runs, showPipeline }: { runs: readonly Run[]; showPipeline: boolean }) {
  return (
    <div className="table-wrap">
      <table className="grid" data-cards>
        <thead>
          <tr>
            <th scope="col">Status</th>
            {showPipeline ? <th scope="col">Pipeline</th> : null}
            <th scope="col">Run</th>
            <th scope="col">Trigger</th>
            <th scope="col">Started</th>
            <th scope="col">Duration</th>
            <th scope="col">Blocks</th>
          </tr>
        </thead>
        <tbody>{runs.map((run) => <RunRow key={run.id} run={run} showPipeline={showPipeline} />)}</tbody>
      </table>
    </div>
  );
}

function RunRow({ run, showPipeline }: { run: Run; showPipeline: boolean }) {
  return (
    <tr>
      <td><StatusBadge status={run.status} /></td>
      {showPipeline ? <td className="nowrap"><Link to={`/pipelines/${encodeURIComponent(run.pipeline)}`}>{run.pipeline}</Link></td> : null}
      <td><Link className="mono" to={`/runs/${run.id}`}>{shortId(run.id)}</Link></td>
      <td className="muted" data-spare>{run.trigger ? <Link to={`/triggers/${run.trigger.id}`}>{run.trigger.name ?? run.trigger.kind}</Link> : startedBy(run)}</td>
      <td><Ago at={run.started_at ?? run.created_at} /></td>
      <td className="muted"><Duration startedAt={run.started_at} endedAt={run.ended_at} /></td>
      <td><BlockCounts counts={run.blocks_by_status} /></td>
    </tr>
  );
}

function BlockCounts({ counts }: { counts: Readonly<Record<string, number>> }) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const failed = counts.failed ?? 0;
  if (!all) return <span className="muted">–</span>;
  return (
    <span className="num nowrap muted">
      {counts.succeeded ?? 0}/{all}
      {failed ? <span data-tone="failed" className="failed-count"> · {failed} failed</span> : null}
    </span>
  );
}
