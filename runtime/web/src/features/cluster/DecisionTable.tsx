import { useState } from "react";
import type { ScalingDecision } from "@/api/types";
import { Button } from "@/components/Button";
import { Segments } from "@/components/Tabs";
import { Ago } from "@/components/Time";
import { delayWords, lookOfDecision, sentence } from "./decisions";

type Which = "all" | "changes";
const FIRST = 15;

/** What was decided, newest first, with what it was decided from. */
export function DecisionTable({ decisions }: { decisions: readonly ScalingDecision[] }) {
  const changes = decisions.filter((one) => one.wanted !== one.before);
  const [chosen, setChosen] = useState<Which | null>(null);
  const [all, setAll] = useState(false);
  const which = chosen ?? (changes.length ? "changes" : "all");
  const found = which === "all" ? decisions : changes;
  const rows = all ? found : found.slice(0, FIRST);
  return (
    <>
      <div className="pane-bar">
        <h3>Decisions</h3>
        <Segments label="Which decisions" value={which} onChange={setChosen} items={[{ id: "changes", label: "Changes" }, { id: "all", label: "All" }]} />
      </div>
      {rows.length ? (
        <div className="table-wrap">
          <table className="grid" data-cards data-dense>
            <thead>
              <tr>
                <th scope="col">When</th><th scope="col">Schedulers</th><th scope="col">What came of it</th><th scope="col">Why</th>
                <th scope="col" className="end">Ready</th><th scope="col" className="end">Running</th><th scope="col" className="end">Predicted delay</th>
              </tr>
            </thead>
            <tbody>{rows.map((decision) => <DecisionRow key={decision.id} decision={decision} />)}</tbody>
          </table>
        </div>
      ) : <p className="pad muted decisions-none">No change among the newest {decisions.length} decisions.</p>}
      {rows.length < found.length ? <div className="table-foot"><Button size="small" onClick={() => setAll(true)}>Show all {found.length}</Button></div> : null}
    </>
  );
}

function DecisionRow({ decision }: { decision: ScalingDecision }) {
  const look = lookOfDecision(decision);
  const { inputs } = decision;
  return (
    <tr>
      <td><Ago at={decision.at} /></td>
      <td className="num nowrap"><span className="card-label">schedulers </span>{decision.before}{decision.wanted === decision.before ? null : ` → ${decision.wanted}`}</td>
      <td><span className="badge" data-plain data-tone={look.tone}>{look.label}</span></td>
      <td className="decision-why" data-wide>
        {sentence(decision.reason)}
        <details className="decision-inputs">
          <summary>Inputs</summary>
          <dl>{Object.entries(inputs).map(([name, value]) => <div key={name}><dt className="mono">{name}</dt><dd className="num">{inputWords(value)}</dd></div>)}</dl>
        </details>
      </td>
      <td className="end num" data-spare>{inputs.ready ?? "–"}</td>
      <td className="end num" data-spare>{inputs.running ?? "–"}</td>
      <td className="end num nowrap"><span className="card-label">delay </span>{delayWords(inputs.predicted_delay_seconds)}</td>
    </tr>
  );
}

function inputWords(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? String(Math.round(value * 1000) / 1000) : String(value);
}
