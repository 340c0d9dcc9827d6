import { useMutation, useQueryClient } from "@tanstack/react-query";
import { switchTrigger, triggerQuery } from "@/api/triggers";
import type { Trigger } from "@/api/types";

interface TriggerSwitchProps {
  trigger: Trigger;
  mayAct: boolean;
  onProblem: (error: Error | null) => void;
}

/** On: it makes runs by itself. Off: only a person does. */
export function TriggerSwitch({ trigger, mayAct, onProblem }: TriggerSwitchProps) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (active: boolean) => switchTrigger(trigger.id, active),
    onMutate: () => onProblem(null),
    onError: onProblem,
    onSuccess: (after) => {
      client.setQueryData(triggerQuery(trigger.id).queryKey, after);
      return Promise.all([client.invalidateQueries({ queryKey: ["triggers"] }), client.invalidateQueries({ queryKey: ["trigger", trigger.id] })]);
    },
  });
  const on = change.isPending ? change.variables : trigger.active;
  return (
    <button type="button" role="switch" className="switch" aria-checked={on} aria-label={`${trigger.name} makes runs by itself`} disabled={!mayAct || change.isPending}
      title={mayAct ? (on ? "On: press to pause" : "Paused: press to go on") : "Your role may look, not act."} onClick={() => change.mutate(!trigger.active)}>
      <span className="switch-knob" />
    </button>
  );
}
