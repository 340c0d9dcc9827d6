import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { actOnBackfill, type BackfillAction, backfillQuery } from "@/api/backfills";
import type { Backfill } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice } from "@/components/States";

interface BackfillActionsProps {
  backfill: Backfill;
  mayAct: boolean;
  onError: (error: Error | null) => void;
}

/** What can be done with a backfill in its present state. */
export function BackfillActions({ backfill, mayAct, onError }: BackfillActionsProps) {
  const [asking, setAsking] = useState(false);
  const act = useAct(backfill, onError);
  const why = mayAct ? undefined : "Your role may look, not act.";
  const shared = { disabled: !mayAct || act.isPending, title: why };
  const { status } = backfill;
  const failed = backfill.runs_by_status.failed ?? 0;
  const open = status === "running" || status === "paused";
  return (
    <>
      {open ? <Button {...shared} kind="danger" icon="stop" onClick={() => setAsking(true)}>Cancel</Button> : null}
      {status === "running" ? <Button {...shared} icon="pause" onClick={() => act.mutate("pause")}>Pause</Button> : null}
      {status === "paused" ? <Button {...shared} kind="primary" icon="play" onClick={() => act.mutate("resume")}>Resume</Button> : null}
      {failed && (status === "running" || status === "failed") ? (
        <Button {...shared} kind={status === "failed" ? "primary" : "plain"} icon="retry" disabled={shared.disabled || backfill.retrying} onClick={() => act.mutate("retry")}>
          {backfill.retrying ? "Re-running failed…" : `Re-run ${failed} failed`}
        </Button>
      ) : null}
      {asking ? <CancelDialog backfill={backfill} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

function useAct(backfill: Backfill, onError: (error: Error | null) => void, onDone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (action: BackfillAction) => actOnBackfill(backfill.id, action),
    onMutate: () => onError(null),
    onError,
    onSuccess: async (after) => {
      client.setQueryData(backfillQuery(backfill.id).queryKey, after);
      onDone?.();
      await client.invalidateQueries({ queryKey: ["backfill", backfill.id, "times"] });
    },
  });
}

function CancelDialog({ backfill, onClose }: { backfill: Backfill; onClose: () => void }) {
  const [error, setError] = useState<Error | null>(null);
  const cancel = useAct(backfill, setError, onClose);
  return (
    <Dialog title="Cancel this backfill?" onClose={onClose}>
      <div className="dialog-body">
        <p>No more runs are made, and those that have not ended are cancelled. This cannot be taken back; runs that have ended stay as they are.</p>
        {error ? <ErrorNotice error={error} /> : null}
      </div>
      <div className="dialog-foot">
        <Button onClick={onClose}>Let it go on</Button>
        <Button kind="danger" icon="stop" disabled={cancel.isPending} onClick={() => cancel.mutate("cancel")}>Cancel backfill</Button>
      </div>
    </Dialog>
  );
}
