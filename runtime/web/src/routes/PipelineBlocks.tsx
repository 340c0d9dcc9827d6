import { useMemo, useState } from "react";
import type { Block, Pipeline } from "@/api/types";
import { Button } from "@/components/Button";
import { Empty } from "@/components/States";
import { SourceEditor } from "@/features/pipelines/SourceEditor";
import { GraphView } from "@/graph/GraphView";
import { kindName } from "./kinds";

interface PipelineBlocksProps {
  pipeline: Pipeline;
  mayEdit: boolean;
}

/** The graph with, beside it, the source of the chosen block. */
export function PipelineBlocks({ pipeline, mayEdit }: PipelineBlocksProps) {
  const [selected, setSelected] = useState<string | null>(null);
  const blocks = useMemo(() => pipeline.blocks.map((block) => ({ ...block, kind: kindName(block.type), note: remark(block) })), [pipeline.blocks]);
  const beside = [...pipeline.callbacks, ...pipeline.conditionals];
  const block = [...pipeline.blocks, ...beside].find((one) => one.slug === selected);
  if (!blocks.length) return <Empty title="No blocks yet"><p>Add one to <code>pipelines/{pipeline.slug}/metadata.yaml</code>: it appears here as soon as the file is saved.</p></Empty>;
  return (
    <div className="block-panes" data-open={block ? true : undefined}>
      <div className="card block-graph">
        <GraphView label={`Graph of ${pipeline.slug}`} blocks={blocks} selected={selected} onSelect={(slug) => setSelected(slug === selected ? null : slug)} />
        {beside.length ? (
          <div className="row beside"><span className="muted small">Beside the graph</span>
            {beside.map((one) => <Button key={one.slug} size="small" aria-pressed={one.slug === selected} onClick={() => setSelected(one.slug)}>{one.slug} · {kindName(one.type).toLowerCase()}</Button>)}
          </div>
        ) : null}
      </div>
      {block ? (
        <section className="card block-source" aria-label={`Block ${block.slug}`}>
          <header className="detail-head">
            <div className="grow"><h2 className="detail-name">{block.name}</h2><p className="muted small">{facts(block).join(" · ")}</p></div>
            <Button size="small" kind="quiet" icon="close" aria-label="Close block" onClick={() => setSelected(null)} />
          </header>
          <SourceEditor key={block.slug} pipeline={pipeline.slug} block={block.slug} mayEdit={mayEdit} />
        </section>
      ) : null}
    </div>
  );
}

function remark(block: Block): string | undefined {
  if (block.dynamic) return "fans out";
  if (block.reduce_output) return "joins";
  return block.language === "python" ? undefined : block.language;
}

function facts(block: Block): string[] {
  const retries = block.retries ? `${block.retries} ${block.retries === 1 ? "retry" : "retries"}` : "no retry";
  const limit = block.timeout_seconds === null ? [] : [`at most ${block.timeout_seconds} s`];
  return [kindName(block.type), block.language, block.executor, retries, ...limit];
}
