import { type SubmitEvent, useEffect, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { createBackfill } from "@/api/backfills";
import { newIdempotencyKey } from "@/api/runs";
import type { BackfillRequest } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field } from "@/components/Field";
import { ErrorNotice } from "@/components/States";
import { Segments } from "@/components/Tabs";
import { BackfillPreviewPane } from "./BackfillPreviewPane";
import { type Draft, draftOf, OFTEN, type Order, previewOf, requestOf, variablesOf } from "./form";
import { isZone } from "./zone";

interface BackfillFormProps {
  /** The pipelines to choose from; one alone is not asked for. */
  pipelines: readonly string[];
  onClose: () => void;
  onCreated: (id: string) => void;
}

const ORDERS = [{ id: "oldest_first", label: "Oldest first" }, { id: "newest_first", label: "Newest first" }] as const;
const SETTLE_MS = 300;

/** The value once it has not changed for a moment: typing asks for one preview, not for one a key. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function BackfillForm({ pipelines, onClose, onCreated }: BackfillFormProps) {
  const [draft, setDraft] = useState(() => draftOf(pipelines.length === 1 ? pipelines[0] ?? "" : "", new Date()));
  const [key, setKey] = useState(newIdempotencyKey);
  const create = useMutation({ mutationFn: (request: BackfillRequest) => createBackfill(request), onSuccess: (made) => onCreated(made.id) });
  const settled = useSettled(draft);
  const request = requestOf(draft, key);

  function change(part: Partial<Draft>) {
    setDraft({ ...draft, ...part });
    setKey(newIdempotencyKey());
  }
  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    if (request) create.mutate(request);
  }
  return (
    <Dialog title={pipelines.length === 1 ? `Backfill ${draft.pipeline}` : "New backfill"} onClose={onClose}>
      <form onSubmit={onSubmit}>
        <div className="dialog-body">
          {pipelines.length === 1 ? null : (
            <Field label="Pipeline">
              {(bound) => (
                <select {...bound} value={draft.pipeline} onChange={(event) => change({ pipeline: event.target.value })}>
                  <option value="">Choose one</option>
                  {pipelines.map((slug) => <option key={slug} value={slug}>{slug}</option>)}
                </select>
              )}
            </Field>
          )}
          <RangeFields draft={draft} onChange={change} />
          <BackfillPreviewPane request={previewOf(settled)} zone={settled.zone} waiting={settled !== draft} />
          <RunFields draft={draft} onChange={change} />
          {create.error ? <ErrorNotice error={create.error} /> : null}
        </div>
        <div className="dialog-foot">
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" type="submit" icon="play" disabled={!request || create.isPending}>{create.isPending ? "Starting…" : "Start backfill"}</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}

function RangeFields({ draft, onChange }: FieldsProps) {
  return (
    <>
      <div className="field-pair">
        <Field label="From" hint="The first logical time, this one included.">
          {(bound) => <input {...bound} type="datetime-local" required value={draft.from} onChange={(event) => onChange({ from: event.target.value })} />}
        </Field>
        <Field label="To" hint="Included too.">
          {(bound) => <input {...bound} type="datetime-local" required value={draft.to} onChange={(event) => onChange({ to: event.target.value })} />}
        </Field>
      </div>
      <div className="field-pair">
        <Field label="How often">
          {(bound) => (
            <select {...bound} value={draft.often} onChange={(event) => onChange({ often: event.target.value })}>
              {Object.entries(OFTEN).map(([id, label]) => <option key={id} value={id}>{label}</option>)}
            </select>
          )}
        </Field>
        <Field label="Timezone" problem={isZone(draft.zone) ? undefined : "Write a name such as Europe/Berlin."}>
          {(bound) => <input {...bound} value={draft.zone} list="backfill-zones" onChange={(event) => onChange({ zone: event.target.value })} autoComplete="off" spellCheck={false} />}
        </Field>
      </div>
      <datalist id="backfill-zones">{["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => <option key={zone} value={zone} />)}</datalist>
      {draft.often === "cron" ? (
        <Field label="Cron expression" hint="Minute, hour, day, month, weekday.">
          {(bound) => <input {...bound} className="input mono" value={draft.cron} placeholder="0 6 * * 1-5" onChange={(event) => onChange({ cron: event.target.value })} autoComplete="off" spellCheck={false} />}
        </Field>
      ) : null}
      {draft.often === "interval" ? (
        <Field label="Minutes between two runs" hint="Counted from the start.">
          {(bound) => <input {...bound} inputMode="decimal" value={draft.minutes} onChange={(event) => onChange({ minutes: event.target.value })} />}
        </Field>
      ) : null}
    </>
  );
}

function RunFields({ draft, onChange }: FieldsProps) {
  const parsed = variablesOf(draft.variables);
  return (
    <>
      <div className="field-pair">
        <div className="field">
          <span className="field-label">Order</span>
          <div><Segments<Order> label="Order" items={ORDERS} value={draft.order} onChange={(order) => onChange({ order })} /></div>
        </div>
        <Field label="At once" hint="Runs that may be going, at most.">
          {(bound) => <input {...bound} type="number" min={1} max={100} required value={draft.concurrency} onChange={(event) => onChange({ concurrency: event.target.value })} />}
        </Field>
      </div>
      <details className="backfill-more">
        <summary>Name and variables</summary>
        <div className="stack">
          <Field label="Name">
            {(bound) => <input {...bound} value={draft.name} maxLength={255} placeholder="From its range, if left empty" onChange={(event) => onChange({ name: event.target.value })} autoComplete="off" />}
          </Field>
          <Field label="Variables" hint="JSON; they go over the pipeline's own in every run." problem={"problem" in parsed ? parsed.problem : undefined}>
            {(bound) => <textarea {...bound} rows={3} value={draft.variables} placeholder="{}" onChange={(event) => onChange({ variables: event.target.value })} spellCheck={false} />}
          </Field>
        </div>
      </details>
    </>
  );
}
