import { type SubmitEvent, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { newIdempotencyKey, startRun } from "@/api/runs";
import type { Pipeline } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice } from "@/components/States";
import { VariableField } from "./VariableField";
import { changedVariables, entriesOf, parseEntry, type VariableEntry } from "./variables";

interface RunDialogProps {
  pipeline: Pipeline;
  onClose: () => void;
  onStarted: (runId: string) => void;
}

export function RunDialog({ pipeline, onClose, onStarted }: RunDialogProps) {
  const [entries, setEntries] = useState(() => entriesOf(pipeline.variables));
  const [extra, setExtra] = useState("");
  const [tried, setTried] = useState(false);
  // One key for this opening of the form: pressing twice, or a repeat after a lost answer, starts one run.
  const [key, setKey] = useState(newIdempotencyKey);
  const start = useMutation({
    mutationFn: () => startRun(pipeline.slug, changedVariables(entries, pipeline.variables), key),
    onSuccess: (run) => onStarted(run.id),
  });

  function change(entry: VariableEntry) {
    setEntries(entries.map((other) => (other.name === entry.name ? entry : other)));
    setKey(newIdempotencyKey());
  }
  function add() {
    const name = extra.trim();
    if (!name || entries.some((entry) => entry.name === name)) return;
    setEntries([...entries, { name, text: "", kind: "text" }]);
    setExtra("");
  }
  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    setTried(true);
    if (entries.every((entry) => "value" in parseEntry(entry))) start.mutate();
  }
  return (
    <Dialog title={`Run ${pipeline.name || pipeline.slug}`} onClose={onClose}>
      <form onSubmit={onSubmit}>
        <div className="dialog-body">
          {entries.length ? entries.map((entry) => <VariableField key={entry.name} entry={entry} onChange={change} showProblem={tried} />)
            : <p className="muted">This pipeline declares no variables. It can run as it is.</p>}
          <div className="row add-variable">
            <input className="input grow" aria-label="Name of another variable" placeholder="Another variable" value={extra}
              onChange={(event) => setExtra(event.target.value)}
              onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); add(); } }} />
            <Button icon="plus" onClick={add} disabled={!extra.trim()}>Add</Button>
          </div>
          {start.error ? <ErrorNotice error={start.error} /> : null}
        </div>
        <div className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" icon="play" disabled={start.isPending}>{start.isPending ? "Starting…" : "Run now"}</Button>
        </div>
      </form>
    </Dialog>
  );
}
