import type { ReactNode } from "react";
import type { Run } from "@/api/types";
import { Moment } from "@/components/Time";
import { RunNotices } from "./RunNotices";
import { startedBy } from "./text";

/** Everything about a run that is not its blocks. */
export function RunFacts({ run }: { run: Run }) {
  const variables = Object.entries(run.variables);
  return (
    <div className="facts">
      <dl>
        <Fact name="Run"><span className="mono">{run.id}</span></Fact>
        <Fact name="Started by">{run.trigger ? `${run.trigger.name ?? "a trigger"} (${run.trigger.kind ?? "trigger"})` : startedBy(run)}</Fact>
        {run.logical_at ? <Fact name="Stands for"><Moment at={run.logical_at} /></Fact> : null}
        <Fact name="Created"><Moment at={run.created_at} /></Fact>
        <Fact name="Started"><Moment at={run.started_at} /></Fact>
        <Fact name="Ended"><Moment at={run.ended_at} /></Fact>
        <Fact name="Retries by hand">{run.epoch - 1}</Fact>
        <Fact name="Code version"><span className="mono" title={run.bundle}>{run.bundle.slice(0, 16)}</span></Fact>
      </dl>
      <RunNotices runId={run.id} />
      <h3>Variables</h3>
      {variables.length ? (
        <dl>{variables.map(([name, value]) => <Fact key={name} name={<span className="mono">{name}</span>}><span className="mono">{JSON.stringify(value)}</span></Fact>)}</dl>
      ) : <p className="muted">None.</p>}
    </div>
  );
}

function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return <div className="fact"><dt>{name}</dt><dd>{children}</dd></div>;
}
