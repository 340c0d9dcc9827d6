import { Link } from "react-router";
import type { Run } from "@/api/types";
import { StatusIcon } from "@/components/StatusIcon";
import { lookOf } from "@/components/status";

const SHOWN = 8;

/** The last runs of a pipeline, oldest first so that time runs to the right; each leads to its run. */
export function RunStrip({ runs }: { runs: readonly Run[] }) {
  if (!runs.length) return <span className="muted small">never run</span>;
  const shown = runs.slice(0, SHOWN).reverse();
  return (
    <span className="strip">
      {shown.map((run) => {
        const title = `${lookOf(run.status).label}, ${new Date(run.started_at ?? run.created_at).toLocaleString()}`;
        return <Link key={run.id} to={`/runs/${run.id}`} title={title}><StatusIcon status={run.status} title={title} /></Link>;
      })}
    </span>
  );
}
