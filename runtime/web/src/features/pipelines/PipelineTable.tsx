import { Link } from "react-router";
import type { PipelineSummary, Run } from "@/api/types";
import { Button } from "@/components/Button";
import { Ago } from "@/components/Time";
import { RunStrip } from "./RunStrip";

interface PipelineTableProps {
  pipelines: readonly PipelineSummary[];
  runsOf: (slug: string) => readonly Run[];
  mayRun: boolean;
  onRun: (pipeline: PipelineSummary) => void;
}

export function PipelineTable({ pipelines, runsOf, mayRun, onRun }: PipelineTableProps) {
  return (
    <div className="card table-wrap">
      <table className="grid" data-cards>
        <thead>
          <tr>
            <th scope="col">Pipeline</th><th scope="col">Blocks</th><th scope="col">Last runs</th><th scope="col">Last run</th>
            <th scope="col"><span className="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          {pipelines.map((pipeline) => (
            <PipelineRow key={pipeline.slug} pipeline={pipeline} runs={runsOf(pipeline.slug)} mayRun={mayRun} onRun={onRun} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface PipelineRowProps {
  pipeline: PipelineSummary;
  runs: readonly Run[];
  mayRun: boolean;
  onRun: (pipeline: PipelineSummary) => void;
}

function PipelineRow({ pipeline, runs, mayRun, onRun }: PipelineRowProps) {
  const broken = pipeline.problems.length > 0;
  const why = broken ? "This pipeline has problems: open it to see them." : mayRun ? undefined : "Your role may look, not run.";
  const last = runs[0];
  return (
    <tr>
      <td data-wide className="pipeline-cell">
        <Link className="pipeline-name" to={`/pipelines/${encodeURIComponent(pipeline.slug)}`}>{pipeline.name || pipeline.slug}</Link>
        {broken ? <span className="badge" data-tone="failed">{pipeline.problems.length === 1 ? "1 problem" : `${pipeline.problems.length} problems`}</span> : null}
        {pipeline.tags.map((tag) => <span key={tag} className="chip">{tag}</span>)}
        {pipeline.description ? <p className="muted small pipeline-text">{pipeline.description}</p> : null}
      </td>
      <td className="num muted" data-spare>{pipeline.block_count}</td>
      <td><RunStrip runs={runs} /></td>
      <td className="muted" data-spare>{last ? <Ago at={last.started_at ?? last.created_at} /> : "–"}</td>
      <td className="end"><Button size="small" icon="play" disabled={broken || !mayRun} title={why} onClick={() => onRun(pipeline)} aria-label={`Run ${pipeline.slug}`}>Run</Button></td>
    </tr>
  );
}
