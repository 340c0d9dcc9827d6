import { useState } from "react";
import { Link } from "react-router";
import type { Trigger } from "@/api/types";
import { ErrorNotice } from "@/components/States";
import { StatusIcon } from "@/components/StatusIcon";
import { Ago } from "@/components/Time";
import { TriggerSwitch } from "./TriggerSwitch";
import { describeTrigger, kindLabel } from "./words";

interface TriggerTableProps {
  triggers: readonly Trigger[];
  showPipeline: boolean;
  mayAct: boolean;
}

/** Triggers by pipeline and name. On a narrow screen each row becomes a card. */
export function TriggerTable({ triggers, showPipeline, mayAct }: TriggerTableProps) {
  const [problem, setProblem] = useState<Error | null>(null);
  return (
    <>
      {problem ? <div className="table-notice"><ErrorNotice error={problem} /></div> : null}
      <div className="table-wrap">
        <table className="grid trigger-table" data-cards>
          <thead>
            <tr>
              <th scope="col">Trigger</th>
              {showPipeline ? <th scope="col">Pipeline</th> : null}
              <th scope="col">Starts runs</th>
              <th scope="col">Next tick</th>
              <th scope="col">Last run</th>
              <th scope="col">On</th>
            </tr>
          </thead>
          <tbody>{triggers.map((trigger) => <TriggerRow key={trigger.id} trigger={trigger} showPipeline={showPipeline} mayAct={mayAct} onProblem={setProblem} />)}</tbody>
        </table>
      </div>
    </>
  );
}

interface TriggerRowProps {
  trigger: Trigger;
  showPipeline: boolean;
  mayAct: boolean;
  onProblem: (error: Error | null) => void;
}

function TriggerRow({ trigger, showPipeline, mayAct, onProblem }: TriggerRowProps) {
  const run = trigger.last_run;
  return (
    <tr>
      <td className="trigger-cell">
        <Link className="trigger-name" to={`/triggers/${trigger.id}`}>{trigger.name}</Link>
        <span className="chip">{kindLabel(trigger.kind)}</span>
      </td>
      {showPipeline ? <td className="trigger-pipeline"><Link to={`/pipelines/${encodeURIComponent(trigger.pipeline)}`}>{trigger.pipeline}</Link></td> : null}
      <td className="muted trigger-words">{describeTrigger(trigger)}</td>
      <td className="trigger-next"><NextTick trigger={trigger} /></td>
      <td className="trigger-last">{run ? <Link className="row nowrap" to={`/runs/${run.id}`}><StatusIcon status={run.status} title={run.status} /><Ago at={run.started_at ?? run.created_at} /></Link> : <span className="muted">No run yet</span>}</td>
      <td className="trigger-on"><TriggerSwitch trigger={trigger} mayAct={mayAct} onProblem={onProblem} /></td>
    </tr>
  );
}

export function NextTick({ trigger }: { trigger: Trigger }) {
  if (!trigger.active) return <span className="muted">Paused</span>;
  if (trigger.kind !== "schedule") return <span className="muted">{trigger.kind === "api" ? "When called" : "On its event"}</span>;
  return trigger.next_tick_at ? <Ago at={trigger.next_tick_at} /> : <span className="muted">None left</span>;
}
