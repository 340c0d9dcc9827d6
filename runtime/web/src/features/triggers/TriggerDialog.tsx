import { type SubmitEvent, useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { changeTrigger, createTrigger } from "@/api/triggers";
import type { MadeTrigger, Trigger } from "@/api/types";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { Field } from "@/components/Field";
import { ErrorNotice } from "@/components/States";
import { Segments } from "@/components/Tabs";
import { formOf, type Kind, ownTimezone, type Problems, problemsOf, type TriggerForm, valuesOf } from "./form";
import { ScheduleFields, ScheduleMore } from "./ScheduleFields";
import { SpanField } from "./SpanField";

interface TriggerDialogProps {
  /** Null for a new one. */
  trigger: Trigger | null;
  /** Of a new one: where it can be; one alone is not asked for. */
  pipelines: readonly string[];
  onClose: () => void;
  onSaved: (trigger: Trigger | MadeTrigger) => void;
}

const KINDS = [{ id: "schedule", label: "Schedule" }, { id: "api", label: "API call" }, { id: "event", label: "Event" }] as const;

export function TriggerDialog({ trigger, pipelines, onClose, onSaved }: TriggerDialogProps) {
  const client = useQueryClient();
  const [form, setForm] = useState(() => formOf(trigger, "schedule", ownTimezone()));
  const [pipeline, setPipeline] = useState(pipelines.length === 1 ? pipelines[0] ?? "" : "");
  const [tried, setTried] = useState(false);
  const found = problemsOf(form);
  const problems: Problems = tried ? found : {};
  const save = useMutation({
    mutationFn: (): Promise<Trigger | MadeTrigger> => (trigger ? changeTrigger(trigger, valuesOf(form)) : createTrigger(pipeline, form.kind, valuesOf(form))),
    onSuccess: async (saved) => {
      onSaved(saved);
      await Promise.all([client.invalidateQueries({ queryKey: ["triggers"] }), client.invalidateQueries({ queryKey: ["trigger", saved.id] })]);
    },
  });
  const change = (part: Partial<TriggerForm>) => setForm({ ...form, ...part });

  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    setTried(true);
    if (Object.keys(found).length === 0 && (trigger !== null || pipeline)) save.mutate();
  }
  return (
    <Dialog title={trigger ? `Edit ${trigger.name}` : "New trigger"} onClose={onClose}>
      <form onSubmit={onSubmit} noValidate>
        <div className="dialog-body">
          {trigger ? null : <Start form={form} pipelines={pipelines} pipeline={pipeline} missing={tried && !pipeline} onPipeline={setPipeline} onKind={(kind) => change({ kind, alone: kind === "schedule" })} />}
          <Field label="Name" problem={problems.name}>{(bound) => <input {...bound} value={form.name} maxLength={255} onChange={(event) => change({ name: event.target.value })} autoComplete="off" />}</Field>
          {form.kind === "schedule" ? <ScheduleFields form={form} problems={problems} onChange={change} /> : null}
          {form.kind === "event" ? <EventFields form={form} problems={problems} onChange={change} /> : null}
          {form.kind === "api" && !trigger ? <p className="muted small">It gets a token of its own, shown once, with which programs start its runs.</p> : null}
          <More form={form} problems={problems} open={Object.keys(problems).length > 0} onChange={change} />
          {save.error ? <ErrorNotice error={save.error} /> : null}
        </div>
        <div className="dialog-foot">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={save.isPending}>{save.isPending ? "Saving…" : trigger ? "Save" : "Make trigger"}</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface StartProps {
  form: TriggerForm;
  pipelines: readonly string[];
  pipeline: string;
  missing: boolean;
  onPipeline: (slug: string) => void;
  onKind: (kind: Kind) => void;
}

function Start({ form, pipelines, pipeline, missing, onPipeline, onKind }: StartProps) {
  return (
    <>
      <div className="field">
        <span className="field-name">Starts runs by</span>
        <div className="row"><Segments<Kind> label="Starts runs by" items={KINDS} value={form.kind} onChange={onKind} /></div>
      </div>
      {pipelines.length === 1 ? null : (
        <Field label="Pipeline" problem={missing ? "Which pipeline does it run?" : undefined}>
          {(bound) => <select {...bound} value={pipeline} onChange={(event) => onPipeline(event.target.value)}><option value="">Choose…</option>{pipelines.map((slug) => <option key={slug}>{slug}</option>)}</select>}
        </Field>
      )}
    </>
  );
}

interface PartProps {
  form: TriggerForm;
  problems: Problems;
  onChange: (change: Partial<TriggerForm>) => void;
}

function EventFields({ form, problems, onChange }: PartProps) {
  return (
    <>
      <Field label="Event" problem={problems.eventName} hint="The name that programs send to POST /api/v1/events.">{(bound) => <input {...bound} className="input mono" value={form.eventName} onChange={(event) => onChange({ eventName: event.target.value })} autoComplete="off" spellCheck={false} />}</Field>
      <Field label="Only when the payload matches" problem={problems.eventMatch} hint={<>JSON path to value, or to a list of values: <code>{"{\"$.country\": [\"DE\", \"AT\"]}"}</code></>}>
        {(bound) => <textarea {...bound} rows={3} value={form.eventMatch} onChange={(event) => onChange({ eventMatch: event.target.value })} spellCheck={false} />}
      </Field>
    </>
  );
}

function More({ form, problems, open, onChange }: PartProps & { open: boolean }) {
  return (
    <details className="more" open={open || undefined}>
      <summary>Limits, variables and more</summary>
      <div className="stack">
        {form.kind === "schedule" ? <ScheduleMore form={form} problems={problems} onChange={onChange} /> : null}
        <label className="check"><input type="checkbox" checked={form.alone} onChange={(event) => onChange({ alone: event.target.checked })} /><span>Skip a run while the last one is going</span></label>
        <Field label="Its runs at once" problem={problems.runLimit} hint="Empty: as many as the pipeline allows.">{(bound) => <input {...bound} inputMode="numeric" value={form.runLimit} onChange={(event) => onChange({ runLimit: event.target.value })} />}</Field>
        <div className="field-pair">
          <SpanField label="Timeout" value={form.timeout} problem={problems.timeout} onChange={(timeout) => onChange({ timeout })} />
          <Field label="A run that takes longer is">
            {(bound) => <select {...bound} value={form.timeoutStatus} onChange={(event) => onChange({ timeoutStatus: event.target.value as TriggerForm["timeoutStatus"] })}><option value="failed">failed</option><option value="cancelled">cancelled</option></select>}
          </Field>
        </div>
        <SpanField label="Service level" value={form.sla} problem={problems.sla} hint="A run that is not done this long after its time is noted, and told." onChange={(sla) => onChange({ sla })} />
        <Field label="Variables" problem={problems.variables} hint="JSON; over the pipeline's own.">{(bound) => <textarea {...bound} rows={4} value={form.variables} onChange={(event) => onChange({ variables: event.target.value })} spellCheck={false} />}</Field>
        <Field label="Description">{(bound) => <input {...bound} value={form.description} onChange={(event) => onChange({ description: event.target.value })} autoComplete="off" />}</Field>
        <label className="check"><input type="checkbox" checked={form.active} onChange={(event) => onChange({ active: event.target.checked })} /><span>On: it starts runs by itself</span></label>
      </div>
    </details>
  );
}
