import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { backfillQuery, setBackfillConcurrency } from "@/api/backfills";
import type { Backfill } from "@/api/types";
import { Button } from "@/components/Button";
import { Ago } from "@/components/Time";
import { timeText } from "./calendar";
import { scheduleText } from "./words";

/** What was asked for. */
export function BackfillFacts({ backfill, mayAct, onError }: { backfill: Backfill; mayAct: boolean; onError: (error: Error | null) => void }) {
  const { timezone } = backfill.schedule;
  const open = backfill.status === "running" || backfill.status === "paused";
  const variables = Object.entries(backfill.variables);
  return (
    <dl className="backfill-facts">
      <div><dt>Range</dt><dd className="num">{timeText(backfill.start_at, timezone)} – {timeText(backfill.end_at, timezone)}</dd></div>
      <div><dt>How often</dt><dd>{scheduleText(backfill.schedule)}, {timezone}</dd></div>
      <div><dt>Order</dt><dd>{backfill.order === "newest_first" ? "Newest first" : "Oldest first"}</dd></div>
      <div><dt>At once</dt><dd>{open && mayAct ? <AtOnce key={backfill.concurrency} backfill={backfill} onError={onError} /> : backfill.concurrency}</dd></div>
      <div><dt>Made</dt><dd><Ago at={backfill.created_at} />{backfill.created_by ? ` by ${backfill.created_by.replace(/^(user|api-key):/, "")}` : null}</dd></div>
      {backfill.ended_at ? <div><dt>Ended</dt><dd><Ago at={backfill.ended_at} /></dd></div> : null}
      {variables.length ? <div><dt>Variables</dt><dd className="mono">{variables.map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(", ")}</dd></div> : null}
    </dl>
  );
}

/** How many runs may be going, changed in place. */
function AtOnce({ backfill, onError }: { backfill: Backfill; onError: (error: Error | null) => void }) {
  const client = useQueryClient();
  const [text, setText] = useState(String(backfill.concurrency));
  const value = Number(text);
  const save = useMutation({
    mutationFn: () => setBackfillConcurrency(backfill.id, value),
    onMutate: () => onError(null),
    onError,
    onSuccess: (after) => client.setQueryData(backfillQuery(backfill.id).queryKey, after),
  });
  return (
    <form className="row at-once" onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
      <input className="input num" type="number" min={1} max={100} required aria-label="Runs at once" value={text} onChange={(event) => setText(event.target.value)} />
      {value !== backfill.concurrency && Number.isInteger(value) ? <Button size="small" type="submit" disabled={save.isPending}>Save</Button> : null}
    </form>
  );
}
