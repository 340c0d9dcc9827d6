import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { usePollInterval } from "@/api/live";
import { pipelinesQuery } from "@/api/pipelines";
import { runsQuery } from "@/api/runs";
import { Button } from "@/components/Button";
import { Empty } from "@/components/States";
import { type Filters, NO_FILTERS, readFilters, RunFilters } from "@/features/runs/RunFilters";
import { RunList } from "./RunList";
import { useTitle } from "./title";

export function RunsPage() {
  useTitle("Runs");
  const [search, setSearch] = useSearchParams();
  const filters = readFilters(search);
  const pipelines = useQuery(pipelinesQuery);
  const trigger = search.get("trigger");
  const runs = useInfiniteQuery({ ...runsQuery(trigger ? { ...filters, trigger } : filters), refetchInterval: usePollInterval(true) });
  const filtered = Object.values(filters).some(Boolean) || trigger !== null;

  function change(next: Filters) {
    const kept = trigger && next !== NO_FILTERS ? [["trigger", trigger]] : [];
    setSearch([...Object.entries(next).filter(([, value]) => value !== ""), ...kept] as [string, string][], { replace: true });
  }
  return (
    <main className="page" id="main">
      <h1>Runs</h1>
      <RunFilters value={filters} pipelines={pipelines.data?.map((pipeline) => pipeline.slug) ?? []} onChange={change} />
      <RunList runs={runs} showPipeline empty={filtered
        ? <Empty title="No run matches"><p>Widen the dates or clear the filters.</p><Button onClick={() => change(NO_FILTERS)}>Clear filters</Button></Empty>
        : <Empty title="No runs yet"><p>Start one from a pipeline&apos;s page, with its Run button, or from the command line: <code>penstock run DIR PIPELINE</code></p></Empty>} />
    </main>
  );
}
