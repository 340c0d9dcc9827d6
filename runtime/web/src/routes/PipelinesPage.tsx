import { useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { usePollInterval } from "@/api/live";
import { pipelinesQuery } from "@/api/pipelines";
import { recentRunsQuery } from "@/api/runs";
import { mayEdit, sessionQuery } from "@/api/session";
import type { Run } from "@/api/types";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { PipelineTable } from "@/features/pipelines/PipelineTable";
import { StartRun } from "./StartRun";
import { useTitle } from "./title";

export function PipelinesPage() {
  useTitle("Pipelines");
  const interval = usePollInterval(true);
  const session = useQuery(sessionQuery);
  const pipelines = useQuery({ ...pipelinesQuery, refetchInterval: interval });
  const recent = useQuery({ ...recentRunsQuery, refetchInterval: interval });
  const [starting, setStarting] = useState<string | null>(null);
  const byPipeline = useMemo(() => grouped(recent.data ?? []), [recent.data]);
  return (
    <main className="page" id="main">
      <h1>Pipelines</h1>
      {pipelines.error ? <ErrorNotice error={pipelines.error} onRetry={() => void pipelines.refetch()} /> : null}
      {pipelines.isPending ? <Loading what="the pipelines" /> : null}
      {pipelines.data?.length === 0 ? (
        <div className="card"><Empty title="No pipelines yet">
          <p>A pipeline is a folder with a <code>metadata.yaml</code> under <code>pipelines/</code> in the project. It appears here as soon as it is saved. <code>penstock init DIR --demo</code> makes a project with two to learn from.</p>
        </Empty></div>
      ) : null}
      {pipelines.data?.length ? (
        <PipelineTable pipelines={pipelines.data} runsOf={(slug) => byPipeline.get(slug) ?? []} mayRun={mayEdit(session.data)} onRun={(pipeline) => setStarting(pipeline.slug)} />
      ) : null}
      {starting ? <StartRun slug={starting} onClose={() => setStarting(null)} /> : null}
    </main>
  );
}

function grouped(runs: readonly Run[]): Map<string, Run[]> {
  const found = new Map<string, Run[]>();
  for (const run of runs) found.set(run.pipeline, [...(found.get(run.pipeline) ?? []), run]);
  return found;
}
