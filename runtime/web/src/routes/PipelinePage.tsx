import { useMemo, useState } from "react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams, useSearchParams } from "react-router";
import { usePollInterval } from "@/api/live";
import { pipelineQuery } from "@/api/pipelines";
import { runsQuery } from "@/api/runs";
import { mayEdit, sessionQuery } from "@/api/session";
import type { Pipeline } from "@/api/types";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { Tabs } from "@/components/Tabs";
import { NewBackfill } from "./NewBackfill";
import { PipelineBlocks } from "./PipelineBlocks";
import { PipelineTriggers } from "./PipelineTriggers";
import { RunList } from "./RunList";
import { StartRun } from "./StartRun";
import { useTitle } from "./title";

const TABS = [{ id: "blocks", label: "Blocks" }, { id: "runs", label: "Runs" }, { id: "triggers", label: "Triggers" }, { id: "definition", label: "Definition" }] as const;
type TabId = (typeof TABS)[number]["id"];

export function PipelinePage() {
  const { slug = "" } = useParams();
  useTitle(slug);
  const pipeline = useQuery(pipelineQuery(slug));
  if (pipeline.isPending) return <main className="page" id="main"><Loading what="the pipeline" /></main>;
  if (!pipeline.data) {
    return <main className="page" id="main"><ErrorNotice error={pipeline.error} onRetry={() => void pipeline.refetch()} /><Link to="/">All pipelines</Link></main>;
  }
  return <PipelineView pipeline={pipeline.data} />;
}

function PipelineView({ pipeline }: { pipeline: Pipeline }) {
  const [search, setSearch] = useSearchParams();
  const [starting, setStarting] = useState(false);
  const [filling, setFilling] = useState(false);
  const session = useQuery(sessionQuery);
  const tab = TABS.find((item) => item.id === search.get("tab"))?.id ?? "blocks";
  const broken = pipeline.problems.length > 0;
  const may = mayEdit(session.data);
  return (
    <main className="page" data-wide id="main">
      <header className="page-head">
        <div className="grow">
          <div className="crumbs"><Link to="/">Pipelines</Link><span>/</span><span className="mono">{pipeline.slug}</span></div>
          <div className="row"><h1>{pipeline.name}</h1>{pipeline.tags.map((tag) => <span className="chip" key={tag}>{tag}</span>)}</div>
          {pipeline.description ? <p className="muted pipeline-text">{pipeline.description}</p> : null}
        </div>
        <Button icon="calendar" disabled={broken || !may} title={broken ? "Mend the problems below first." : may ? "Run it for times that have passed." : "Your role may look, not run."} onClick={() => setFilling(true)}>Backfill</Button>
        <Button kind="primary" icon="play" disabled={broken || !may} title={broken ? "Mend the problems below first." : may ? undefined : "Your role may look, not run."} onClick={() => setStarting(true)}>Run</Button>
      </header>
      {broken ? <Problems lines={pipeline.problems} /> : null}
      <Tabs<TabId> label="Pipeline" items={TABS} value={tab} onChange={(next) => setSearch(next === "blocks" ? {} : { tab: next }, { replace: true })}>
        {tab === "blocks" ? <PipelineBlocks pipeline={pipeline} mayEdit={may} /> : null}
        {tab === "runs" ? <PipelineRuns slug={pipeline.slug} /> : null}
        {tab === "triggers" ? <PipelineTriggers slug={pipeline.slug} mayAct={may} /> : null}
        {tab === "definition" ? <Definition pipeline={pipeline} /> : null}
      </Tabs>
      {filling ? <NewBackfill slug={pipeline.slug} onClose={() => setFilling(false)} /> : null}
      {starting ? <StartRun slug={pipeline.slug} onClose={() => setStarting(false)} /> : null}
    </main>
  );
}

function Problems({ lines }: { lines: readonly string[] }) {
  return (
    <div className="notice" data-tone="failed" role="alert">
      <Icon name="warning" />
      <div className="grow">
        <strong>This pipeline cannot run until {lines.length === 1 ? "this is" : `these ${lines.length} problems are`} mended</strong>
        <ul className="problem-lines">{lines.map((line) => <li key={line} className="mono">{line}</li>)}</ul>
      </div>
    </div>
  );
}

function PipelineRuns({ slug }: { slug: string }) {
  const where = useMemo(() => ({ pipeline: slug }), [slug]);
  const runs = useInfiniteQuery({ ...runsQuery(where), refetchInterval: usePollInterval(true) });
  return <div className="tab-body"><RunList runs={runs} showPipeline={false} empty={<Empty title="Never run"><p>Press Run above, or give it a trigger on the tab beside this one.</p></Empty>} /></div>;
}

function Definition({ pipeline }: { pipeline: Pipeline }) {
  if (pipeline.definition === null) return <Empty title="The definition cannot be read"><p>Its <code>metadata.yaml</code> is gone from the project, or is not text. Runs use the last version that was published.</p></Empty>;
  return <pre className="card definition" tabIndex={0} aria-label="metadata.yaml">{pipeline.definition}</pre>;
}
