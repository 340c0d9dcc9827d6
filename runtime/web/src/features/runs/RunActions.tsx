import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { cancelRun, runQuery } from "@/api/runs";
import type { Run } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice } from "@/components/States";

interface RunActionsProps {
  run: Run;
  mayAct: boolean;
  onRetry: () => void;
}

/** What can be done with a run in its present state. */
export function RunActions({ run, mayAct, onRetry }: RunActionsProps) {
  const [asking, setAsking] = useState(false);
  const open = run.status === "queued" || run.status === "running";
  const stopping = run.cancel_requested_at !== null;
  const why = mayAct ? undefined : "Your role may look, not act.";
  if (open) {
    return (
      <>
        <Button kind="danger" icon="stop" disabled={!mayAct || stopping} title={why} onClick={() => setAsking(true)}>{stopping ? "Cancelling…" : "Cancel run"}</Button>
        {asking ? <CancelDialog run={run} onClose={() => setAsking(false)} /> : null}
      </>
    );
  }
  if (run.status === "succeeded") return null;
  return <Button kind="primary" icon="retry" disabled={!mayAct} title={why} onClick={onRetry}>Retry failed</Button>;
}

function CancelDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => cancelRun(run.id),
    onSuccess: (after) => {
      client.setQueryData(runQuery(run.id).queryKey, after);
      onClose();
    },
  });
  return (
    <Dialog title="Cancel this run?" onClose={onClose}>
      <div className="dialog-body">
        <p>Blocks that are running are stopped, with everything they started. Results that exist are kept, and the run can be retried.</p>
        {cancel.error ? <ErrorNotice error={cancel.error} /> : null}
      </div>
      <div className="dialog-foot">
        <Button onClick={onClose}>Let it run</Button>
        <Button kind="danger" icon="stop" disabled={cancel.isPending} onClick={() => cancel.mutate()}>Cancel run</Button>
      </div>
    </Dialog>
  );
}
