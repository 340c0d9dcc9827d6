import { useQuery } from "@tanstack/react-query";
import { outputQuery } from "@/api/runs";
import type { Output } from "@/api/types";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { formatBytes } from "@/components/time";
import { SampleTable } from "./SampleTable";
import { asTable } from "./table";

interface OutputViewProps {
  runId: string;
  block: string;
  mapIndex: number | null;
  ended: boolean;
}

/** A sample of what a block returned. */
export function OutputView({ runId, block, mapIndex, ended }: OutputViewProps) {
  const query = useQuery({ ...outputQuery(runId, block, mapIndex), enabled: ended });
  if (!ended) return <Empty title="No output yet"><p>It appears when the block has succeeded.</p></Empty>;
  if (query.isPending) return <Loading what="the output" />;
  if (query.error) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  const shown = query.data.outputs;
  if (!shown.length && query.data.instances) return <Empty title={`${query.data.instances} instances, each with its own output`}><p>Choose one under Instances to see what it returned.</p></Empty>;
  if (!shown.length) return <Empty title="Nothing was returned"><p>The block ended without a value, as exporters do.</p></Empty>;
  return <div className="outputs">{shown.map((output) => <OneOutput key={output.name} output={output} />)}</div>;
}

function OneOutput({ output }: { output: Output }) {
  const table = asTable(output);
  const facts = [output.type, output.rows == null ? null : `${output.rows.toLocaleString()} rows`, output.bytes === null ? null : formatBytes(output.bytes)];
  return (
    <section className="output">
      <header className="row">
        <h3 className="mono">{output.name}</h3>
        <span className="muted small">{facts.filter(Boolean).join(" · ")}</span>
      </header>
      {table ? <SampleTable table={table} /> : <PlainSample output={output} />}
      {table && output.rows != null && table.rows.length < output.rows
        ? <p className="muted small output-foot">First {table.rows.length.toLocaleString()} of {output.rows.toLocaleString()} rows.</p> : null}
    </section>
  );
}

function PlainSample({ output }: { output: Output }) {
  if (output.sample == null) return <p className="muted output-foot">No sample can be shown of {output.type}. The next blocks receive it whole.</p>;
  return <pre className="output-text" tabIndex={0}>{typeof output.sample === "string" ? output.sample : JSON.stringify(output.sample, null, 2)}</pre>;
}
