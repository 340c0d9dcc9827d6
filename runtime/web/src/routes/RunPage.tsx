import { useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearchParams } from "react-router";
import { useFollowRun, usePollInterval } from "@/api/live";
import { pipelineQuery } from "@/api/pipelines";
import { blockRunsQuery, runQuery } from "@/api/runs";
import { mayEdit, sessionQuery } from "@/api/session";
import type { Run } from "@/api/types";
import { ErrorNotice, Loading } from "@/components/States";
import { StatusBadge } from "@/components/StatusIcon";
import { Ago, Duration } from "@/components/Time";
import { hasEnded, summarise } from "@/features/runs/blocks";
import { RetryDialog } from "@/features/runs/RetryDialog";
import { RunActions } from "@/features/runs/RunActions";
import { shortId } from "@/features/runs/text";
import { RunDetail } from "./RunDetail";
import { RunMap } from "./RunMap";
import { useTitle } from "./title";

export function RunPage() {
  const { id = "" } = useParams();
  useFollowRun(id);
  const fast = usePollInterval(true);
  const run = useQuery({ ...runQuery(id), refetchInterval: (query) => (isOpen(query.state.data) ? fast : false) });
  useTitle(run.data ? `${run.data.pipeline} · ${shortId(id)}` : "Run");
  if (run.isPending) return <main className="page" id="main"><Loading what="the run" /></main>;
  if (!run.data) return <main className="page" id="main"><ErrorNotice error={run.error} onRetry={() => void run.refetch()} /><Link to="/runs">All runs</Link></main>;
  return <RunView run={run.data} stale={run.error} />;
}

function isOpen(run: Run | undefined): boolean {
  return run?.status === "queued" || run?.status === "running";
}

function RunView({ run, stale }: { run: Run; stale: Error | null }) {
  const [search, setSearch] = useSearchParams();
  const selected = search.get("block");
  const [retryFrom, setRetryFrom] = useState<{ block: string | null } | null>(null);
  const session = useQuery(sessionQuery);
  const interval = usePollInterval(true);
  const pipeline = useQuery({ ...pipelineQuery(run.pipeline), retry: false });
  const rows = useQuery({ ...blockRunsQuery(run.id), refetchInterval: (query) => (isOpen(run) || query.state.data?.some((row) => !hasEnded(row.status)) ? interval : false) });
  const graph = pipeline.data?.blocks;
  const blocks = useMemo(() => summarise(graph ?? [], rows.data ?? []), [graph, rows.data]);
  const inGraph = useMemo(() => new Set(graph?.map((block) => block.slug)), [graph]);
  const block = blocks.find((one) => one.slug === selected) ?? null;
  const mayAct = mayEdit(session.data);

  function select(slug: string | null) {
    setSearch(slug === null || slug === selected ? {} : { block: slug }, { replace: true });
  }
  return (
    <main className="run-page" id="main">
      <header className="run-head">
        <div className="grow">
          <div className="crumbs"><Link to={`/pipelines/${encodeURIComponent(run.pipeline)}`}>{run.pipeline}</Link><span>/</span><span className="mono">{shortId(run.id)}</span></div>
          <div className="row run-title">
            <h1>{pipeline.data?.name ?? run.pipeline}</h1>
            <StatusBadge status={run.status} />
            {run.held ? <span className="chip">waiting for another run of this pipeline to end</span> : null}
          </div>
          <p className="muted small">
            {run.started_at ? <>Started <Ago at={run.started_at} /> · {run.ended_at ? "took" : "running for"} <Duration startedAt={run.started_at} endedAt={run.ended_at} /></> : <>Queued <Ago at={run.created_at} /></>}
            {run.epoch > 1 ? ` · try ${run.epoch}` : null}
          </p>
        </div>
        <div className="row"><RunActions run={run} mayAct={mayAct} onRetry={() => setRetryFrom({ block: null })} /></div>
      </header>
      {stale ?? rows.error ? <ErrorNotice error={stale ?? rows.error} onRetry={() => void rows.refetch()} /> : null}
      <div className="run-panes">
        <RunMap run={run} blocks={blocks} inGraph={inGraph} selected={block?.slug ?? null} onSelect={select} loading={pipeline.isPending || rows.isPending} />
        <RunDetail key={`${block?.slug ?? ""}/${run.epoch}`} run={run} block={block} mayAct={mayAct} ended={!isOpen(run)} editable={block ? inGraph.has(block.slug) : false}
          onClose={() => select(null)} onRetryFrom={(slug) => setRetryFrom({ block: slug })} />
      </div>
      {retryFrom ? <RetryDialog run={run} block={retryFrom.block} onClose={() => setRetryFrom(null)} /> : null}
    </main>
  );
}
