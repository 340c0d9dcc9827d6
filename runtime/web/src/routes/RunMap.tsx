import { useMemo, useState } from "react";
import type { Run } from "@/api/types";
import { Empty, Loading } from "@/components/States";
import { lookOf } from "@/components/status";
import { StatusIcon } from "@/components/StatusIcon";
import { Segments } from "@/components/Tabs";
import { elapsed, formatDuration, useNow } from "@/components/time";
import type { BlockSummary } from "@/features/runs/blocks";
import { BlockTimeline } from "@/features/runs/BlockTimeline";
import { GraphView, type GraphViewBlock } from "@/graph/GraphView";
import { kindName } from "./kinds";

interface RunMapProps {
  run: Run;
  blocks: readonly BlockSummary[];
  inGraph: ReadonlySet<string>;
  selected: string | null;
  onSelect: (slug: string) => void;
  loading: boolean;
}

const VIEWS = [{ id: "graph", label: "Graph" }, { id: "timeline", label: "Timeline" }] as const;
type View = (typeof VIEWS)[number]["id"];

/** The blocks of a run: as a graph, or as a list in time. */
export function RunMap({ run, blocks, inGraph, selected, onSelect, loading }: RunMapProps) {
  const [view, setView] = useState<View>(() => (matchMedia("(max-width: 720px)").matches ? "timeline" : "graph"));
  const moving = blocks.some((block) => block.startedAt && !block.endedAt);
  const now = useNow(moving);
  const faces = useMemo(() => blocks.filter((block) => inGraph.has(block.slug)).map((block) => face(block, now)), [blocks, inGraph, now]);
  return (
    <section className="card run-map" aria-label="Blocks">
      <div className="pane-bar">
        <Segments label="View" items={VIEWS} value={view} onChange={setView} />
        <Counts blocks={blocks} />
      </div>
      <div className="run-map-body">
        {loading && !blocks.length ? <Loading what="the blocks" />
          : !blocks.length ? <Empty title="No blocks"><p>This run has nothing to run. Add a block to the pipeline, then run it again.</p></Empty>
          : view === "graph" && faces.length ? <GraphView label={`Graph of ${run.pipeline}`} blocks={faces} selected={selected} onSelect={onSelect} />
          : <BlockTimeline blocks={blocks} startedAt={run.started_at} endedAt={run.ended_at} selected={selected} onSelect={onSelect} />}
      </div>
    </section>
  );
}

function face(block: BlockSummary, now: number): GraphViewBlock {
  const ms = elapsed(block.startedAt, block.endedAt, now);
  return {
    slug: block.slug,
    upstream: block.upstream,
    name: block.name,
    kind: kindName(block.type),
    status: block.status,
    note: block.failed && block.status !== "failed" ? `${block.failed} failed` : ms === null ? undefined : formatDuration(ms),
    alarm: block.failed > 0,
    done: block.mapped ? block.done : undefined,
    total: block.mapped ? block.instances.length : undefined,
  };
}

/** How many blocks are in each state, loudest first. */
function Counts({ blocks }: { blocks: readonly BlockSummary[] }) {
  const counts = new Map<string, number>();
  for (const block of blocks) counts.set(block.status, (counts.get(block.status) ?? 0) + 1);
  const order = ["failed", "upstream_failed", "running", "retry_wait", "deferred", "ready", "pending", "skipped", "cancelled", "succeeded"];
  return (
    <ul className="counts" aria-label="Blocks by status">
      {order.filter((status) => counts.has(status)).map((status) => (
        <li key={status} title={lookOf(status).label}>
          <StatusIcon status={status} title={lookOf(status).label} />
          <span className="num">{counts.get(status)}</span>
        </li>
      ))}
    </ul>
  );
}
