import { useState } from "react";
import type { Run } from "@/api/types";
import { Button } from "@/components/Button";
import { StatusBadge } from "@/components/StatusIcon";
import { type TabItem, Tabs } from "@/components/Tabs";
import { Duration } from "@/components/Time";
import { LogView } from "@/features/logs/LogView";
import { OutputView } from "@/features/outputs/OutputView";
import { SourceEditor } from "@/features/pipelines/SourceEditor";
import { AttemptTable } from "@/features/runs/AttemptTable";
import { type BlockSummary, hasEnded, tallyTests } from "@/features/runs/blocks";
import { FailureNotice, TestList } from "@/features/runs/Failure";
import { InstanceList } from "@/features/runs/InstanceList";
import { RunFacts } from "@/features/runs/RunFacts";
import { kindName } from "./kinds";

interface RunDetailProps {
  run: Run;
  block: BlockSummary | null;
  mayAct: boolean;
  /** Whether the run has ended, so that it can be retried. */
  ended: boolean;
  editable: boolean;
  onClose: () => void;
  onRetryFrom: (block: string) => void;
}

/** What is known about the chosen block, or about the whole run. */
export function RunDetail(props: RunDetailProps) {
  return (
    <section className="card run-detail" aria-label={props.block ? `Block ${props.block.name}` : "Run"}>
      {props.block ? <BlockDetail {...props} block={props.block} /> : <WholeRun run={props.run} ended={props.ended} />}
    </section>
  );
}

function WholeRun({ run, ended }: { run: Run; ended: boolean }) {
  const [tab, setTab] = useState<"log" | "facts">("log");
  return (
    <Tabs label="Run" items={[{ id: "log", label: "Log" }, { id: "facts", label: "Details" }]} value={tab} onChange={setTab}>
      {tab === "log" ? <LogView scope={{ runId: run.id, block: null, mapIndex: null }} running={!ended} /> : <RunFacts run={run} />}
    </Tabs>
  );
}

type BlockTab = "log" | "instances" | "attempts" | "output" | "source";

function tabsOf(block: BlockSummary, editable: boolean): TabItem<BlockTab>[] {
  return [
    { id: "log", label: "Log" },
    ...(block.mapped ? [{ id: "instances", label: `Instances ${block.done}/${block.instances.length}` } as const] : []),
    { id: "attempts", label: block.attempts.length ? `Attempts ${block.attempts.length}` : "Attempts" },
    { id: "output", label: "Output" },
    ...(editable ? [{ id: "source", label: "Source" } as const] : []),
  ];
}

function BlockDetail({ run, block, mayAct, ended, editable, onClose, onRetryFrom }: RunDetailProps & { block: BlockSummary }) {
  const [tab, setTab] = useState<BlockTab>("log");
  const [mapIndex, setMapIndex] = useState<number | null>(null);
  const instance = block.instances.find((row) => row.map_index === mapIndex);
  const status = instance?.status ?? block.status;
  const error = instance ? instance.error : block.error;
  const tests = instance ? tallyTests(instance.tests) : block.tests;
  return (
    <>
      <header className="detail-head">
        <div className="grow">
          <div className="row"><h2 className="detail-name">{block.name}</h2><StatusBadge status={status} /></div>
          <p className="muted small row">
            <span>{kindName(block.type)}</span>
            <Duration startedAt={instance?.started_at ?? block.startedAt} endedAt={instance ? instance.ended_at : block.endedAt} />
            {mapIndex === null ? null : <Button size="small" kind="quiet" icon="close" onClick={() => setMapIndex(null)}>Instance {mapIndex}</Button>}
          </p>
        </div>
        {ended && editable ? <Button size="small" icon="retry" disabled={!mayAct} onClick={() => onRetryFrom(block.slug)}>Retry from here</Button> : null}
        <Button size="small" kind="quiet" icon="close" onClick={onClose} aria-label="Close block" />
      </header>
      {error && (hasEnded(status) || status === "retry_wait") ? <div className="pad"><FailureNotice error={error} /></div> : null}
      {tests.length ? <div className="pad"><TestList tests={tests} /></div> : null}
      <Tabs label={`Block ${block.name}`} items={tabsOf(block, editable)} value={tab} onChange={setTab}>
        {tab === "log" ? <LogView key={mapIndex} scope={{ runId: run.id, block: block.slug, mapIndex }} running={!hasEnded(status)} /> : null}
        {tab === "instances" ? <InstanceList instances={block.instances} selected={mapIndex} onSelect={setMapIndex} /> : null}
        {tab === "attempts" ? <AttemptTable attempts={mapIndex === null ? block.attempts : block.attempts.filter((one) => one.mapIndex === mapIndex)} /> : null}
        {tab === "output" ? <OutputView runId={run.id} block={block.slug} mapIndex={mapIndex} ended={hasEnded(status)} /> : null}
        {tab === "source" ? <SourceEditor pipeline={run.pipeline} block={block.slug} mayEdit={mayAct} /> : null}
      </Tabs>
    </>
  );
}
