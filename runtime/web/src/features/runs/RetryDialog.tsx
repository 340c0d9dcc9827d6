import { type SubmitEvent, useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { retryRun, runQuery } from "@/api/runs";
import type { Run } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice } from "@/components/States";

interface RetryDialogProps {
  run: Run;
  /** Null retries whatever failed. */
  block: string | null;
  onClose: () => void;
}

export function RetryDialog({ run, block, onClose }: RetryDialogProps) {
  const client = useQueryClient();
  const [code, setCode] = useState<"current" | "pinned">("current");
  const retry = useMutation({
    mutationFn: () => retryRun(run.id, block ? { scope: "from_block", block, code } : { scope: "failed", code }),
    onSuccess: async (after) => {
      client.setQueryData(runQuery(run.id).queryKey, after);
      onClose();
      await client.invalidateQueries({ queryKey: runQuery(run.id).queryKey });
    },
  });
  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    retry.mutate();
  }
  return (
    <Dialog title={block ? `Retry from ${block}` : "Retry failed blocks"} onClose={onClose}>
      <form onSubmit={onSubmit}>
        <div className="dialog-body">
          <p className="muted">
            {block ? "This block and everything downstream of it runs again. Upstream results are kept."
              : "Failed and cancelled blocks, and those that never ran because of them, run again. Results that exist are kept."}
          </p>
          <fieldset className="stack" style={{ gap: 10 }}>
            <legend className="visually-hidden">Which code to run</legend>
            <label className="check">
              <input type="radio" name="code" checked={code === "current"} onChange={() => setCode("current")} />
              <span><strong>Current code</strong><br /><span className="muted">The pipeline as it is now: use it after mending a block.</span></span>
            </label>
            <label className="check">
              <input type="radio" name="code" checked={code === "pinned"} onChange={() => setCode("pinned")} />
              <span><strong>Pinned code</strong><br /><span className="muted">Exactly what this run used: version <code>{run.bundle.slice(0, 10)}</code></span></span>
            </label>
          </fieldset>
          {retry.error ? <ErrorNotice error={retry.error} /> : null}
        </div>
        <div className="dialog-foot">
          <Button onClick={onClose}>Keep as it is</Button>
          <Button kind="primary" type="submit" icon="retry" disabled={retry.isPending}>{retry.isPending ? "Starting…" : "Retry"}</Button>
        </div>
      </form>
    </Dialog>
  );
}
