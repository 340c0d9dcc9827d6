import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { newIdempotencyKey } from "@/api/runs";
import { deleteTrigger, fireTrigger } from "@/api/triggers";
import type { Trigger } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice } from "@/components/States";

interface TriggerActionsProps {
  trigger: Trigger;
  mayAct: boolean;
  onEdit: () => void;
  onFired: (runId: string) => void;
  onDeleted: () => void;
  onProblem: (error: Error | null) => void;
}

export function TriggerActions({ trigger, mayAct, onEdit, onFired, onDeleted, onProblem }: TriggerActionsProps) {
  const [deleting, setDeleting] = useState(false);
  // One key for each press: a repeat after a lost answer starts no second run.
  const fire = useMutation({ mutationFn: () => fireTrigger(trigger.id, newIdempotencyKey()), onMutate: () => onProblem(null), onError: onProblem, onSuccess: (run) => onFired(run.id) });
  const why = mayAct ? undefined : "Your role may look, not act.";
  return (
    <div className="row">
      <Button kind="primary" icon="play" disabled={!mayAct || fire.isPending} title={why} onClick={() => fire.mutate()}>{fire.isPending ? "Starting…" : "Run now"}</Button>
      <Button disabled={!mayAct} title={why} onClick={onEdit}>Edit</Button>
      <Button kind="danger" disabled={!mayAct} title={why} onClick={() => setDeleting(true)}>Delete</Button>
      {deleting ? <DeleteDialog trigger={trigger} onClose={() => setDeleting(false)} onDeleted={onDeleted} /> : null}
    </div>
  );
}

function DeleteDialog({ trigger, onClose, onDeleted }: { trigger: Trigger; onClose: () => void; onDeleted: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteTrigger(trigger.id),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["triggers"] });
      onDeleted();
    },
  });
  return (
    <Dialog title={`Delete ${trigger.name}?`} onClose={onClose}>
      <div className="dialog-body">
        <p>It is taken out of <code>pipelines/{trigger.pipeline}/triggers.yaml</code>. Its runs stay, and those that are going go on.{trigger.has_token ? " Its token starts nothing any more." : ""}</p>
        {remove.error ? <ErrorNotice error={remove.error} /> : null}
      </div>
      <div className="dialog-foot">
        <Button onClick={onClose}>Keep it</Button>
        <Button kind="danger" disabled={remove.isPending} onClick={() => remove.mutate()}>Delete trigger</Button>
      </div>
    </Dialog>
  );
}
