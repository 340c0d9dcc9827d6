import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { newTriggerToken } from "@/api/triggers";
import type { Trigger } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Icon } from "@/components/Icon";
import { ErrorNotice } from "@/components/States";
import { curlExample } from "./words";

interface TokenPanelProps {
  trigger: Trigger;
  mayAct: boolean;
  onToken: (token: string) => void;
}

/** How an API trigger is called. The token itself is shown once, when it is made. */
export function TokenPanel({ trigger, mayAct, onToken }: TokenPanelProps) {
  const [asking, setAsking] = useState(false);
  const client = useQueryClient();
  const renew = useMutation({
    mutationFn: () => newTriggerToken(trigger.id),
    onSuccess: async (made) => {
      setAsking(false);
      onToken(made.token);
      await client.invalidateQueries({ queryKey: ["trigger", trigger.id] });
    },
  });
  const why = mayAct ? undefined : "Your role may look, not act.";
  return (
    <>
      <p className="muted">{trigger.has_token ? "Whoever holds its token may start runs. The token was shown when it was made, and cannot be shown again." : "It has no token yet: nothing outside Penstock can start it."}</p>
      <Snippet text={curlExample(addressOf(trigger))} label="Copy the command" />
      <div><Button icon="retry" disabled={!mayAct || renew.isPending} title={why} onClick={() => (trigger.has_token ? setAsking(true) : renew.mutate())}>{trigger.has_token ? "New token" : "Make a token"}</Button></div>
      {renew.error && !asking ? <ErrorNotice error={renew.error} /> : null}
      {asking ? (
        <Dialog title="Make a new token?" onClose={() => setAsking(false)}>
          <div className="dialog-body">
            <p>The token that there is starts nothing from then on: whoever calls this trigger needs the new one.</p>
            {renew.error ? <ErrorNotice error={renew.error} /> : null}
          </div>
          <div className="dialog-foot">
            <Button onClick={() => setAsking(false)}>Keep the old one</Button>
            <Button kind="primary" disabled={renew.isPending} onClick={() => renew.mutate()}>Make a new token</Button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

function addressOf(trigger: Trigger): string {
  return `${location.origin}/api/v1/triggers/${trigger.id}/runs`;
}

/** A token that was just made: the only time that it is seen. */
export function TokenShown({ token, onDone }: { token: string; onDone: () => void }) {
  return (
    <div className="notice" data-tone="waiting" role="status">
      <Icon name="warning" />
      <div className="stack grow token-shown">
        <strong>Copy the token now: it is not shown again</strong>
        <Snippet text={token} label="Copy the token" />
        <div><Button size="small" onClick={onDone}>I have it</Button></div>
      </div>
    </div>
  );
}

function Snippet({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState<string | null>(null);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // Without https browsers keep pages from the clipboard.
      setSaid("Select it and copy");
    }
  }
  return (
    <div className="snippet">
      <pre tabIndex={0}>{text}</pre>
      <Button size="small" onClick={() => void copy()} aria-label={label} aria-live="polite">{said ?? "Copy"}</Button>
    </div>
  );
}
