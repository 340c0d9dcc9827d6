import { useDeferredValue } from "react";
import { useQuery } from "@tanstack/react-query";
import { previewQuery } from "@/api/triggers";
import type { TriggerSettings } from "@/api/types";
import { Field } from "@/components/Field";
import { Segments } from "@/components/Tabs";
import { type Problems, type Rhythm, scheduleOf, timezones, type TriggerForm } from "./form";
import { SpanField } from "./SpanField";
import { describeSchedule, wallTime } from "./words";

interface ScheduleFieldsProps {
  form: TriggerForm;
  problems: Problems;
  onChange: (change: Partial<TriggerForm>) => void;
}

const RHYTHMS = [{ id: "preset", label: "Preset" }, { id: "cron", label: "Cron" }, { id: "interval", label: "Interval" }] as const;
const PRESET_WORDS = [["@hourly", "Every hour"], ["@daily", "Every day at midnight"], ["@weekly", "Every Monday at midnight"], ["@monthly", "Each month, on day 1"], ["@yearly", "Each year, on January 1"], ["@once", "Once"], ["@always_on", "Always on: again when the last run ends"]] as const;
const ZONES = timezones();

/** When it is due, with the first ticks that come of it. */
export function ScheduleFields({ form, problems, onChange }: ScheduleFieldsProps) {
  return (
    <>
      <div className="field">
        <span className="field-name">Repeats</span>
        <div className="row">
          <Segments<Rhythm> label="Repeats" items={RHYTHMS} value={form.rhythm} onChange={(rhythm) => onChange({ rhythm })} />
        </div>
      </div>
      {form.rhythm === "preset" ? (
        <Field label="How often">
          {(bound) => <select {...bound} value={form.preset} onChange={(event) => onChange({ preset: event.target.value })}>{PRESET_WORDS.map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}
        </Field>
      ) : null}
      {form.rhythm === "cron" ? (
        <Field label="Cron expression" problem={problems.cron} hint="Minute, hour, day, month, weekday.">
          {(bound) => <input {...bound} className="input mono" value={form.cron} onChange={(event) => onChange({ cron: event.target.value })} spellCheck={false} autoComplete="off" />}
        </Field>
      ) : null}
      {form.rhythm === "interval" ? <SpanField label="Every" value={form.interval} problem={problems.interval} onChange={(interval) => onChange({ interval })} /> : null}
      {form.rhythm === "interval" ? null : (
        <Field label="Timezone" hint="Ticks follow this zone's clock, also when it changes.">
          {(bound) => <select {...bound} value={form.timezone} onChange={(event) => onChange({ timezone: event.target.value })}>{withOwn(form.timezone).map((zone) => <option key={zone}>{zone}</option>)}</select>}
        </Field>
      )}
      <Preview form={form} />
    </>
  );
}

function withOwn(zone: string): string[] {
  return ZONES.includes(zone) ? ZONES : [zone, ...ZONES];
}

function Preview({ form }: { form: TriggerForm }) {
  // As text, which is the same each time that it says the same.
  const settings = JSON.parse(useDeferredValue(JSON.stringify(scheduleOf(form)))) as TriggerSettings;
  const usable = form.rhythm !== "interval" || Number(settings.interval_seconds) >= 1;
  const preview = useQuery({ ...previewQuery(settings), enabled: usable && (form.rhythm !== "cron" || form.cron.trim() !== "") });
  const words = describeSchedule(Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)));
  return (
    <div className="preview small" aria-live="polite">
      {preview.error ? <span className="problem">{preview.error.message}</span> : (
        <>
          <strong>{words}</strong>
          {preview.data && !preview.data.always_on ? <ol>{preview.data.ticks.slice(0, 3).map((tick) => <li key={tick.at} className="num">{wallTime(tick.local)}</li>)}</ol> : null}
          {preview.data?.ticks.length === 0 && !preview.data.always_on ? <span className="muted">No tick is left.</span> : null}
        </>
      )}
    </div>
  );
}

/** What few schedules need: bounds, jitter, and what becomes of missed ticks. */
export function ScheduleMore({ form, problems, onChange }: ScheduleFieldsProps) {
  return (
    <>
      <div className="field-pair">
        <Field label="First tick from" hint="Such as 2026-01-31 06:00">{(bound) => <input {...bound} value={form.start} onChange={(event) => onChange({ start: event.target.value })} autoComplete="off" />}</Field>
        <Field label="Last tick until" hint="Empty: without end">{(bound) => <input {...bound} value={form.end} onChange={(event) => onChange({ end: event.target.value })} autoComplete="off" />}</Field>
      </div>
      <SpanField label="Jitter" value={form.jitter} problem={problems.jitter} hint="Each run starts up to that much later, so that many schedules do not start together." onChange={(jitter) => onChange({ jitter })} />
      <div className="field-pair">
        <Field label="Ticks missed while nothing ran">
          {(bound) => (
            <select {...bound} value={form.catchUp} onChange={(event) => onChange({ catchUp: event.target.value as TriggerForm["catchUp"] })}>
              <option value="latest">Run the latest</option><option value="none">Run none</option><option value="all">Run all</option>
            </select>
          )}
        </Field>
        {form.catchUp === "all" ? (
          <Field label="Runs a minute" problem={problems.perMinute} hint="Empty: 6">{(bound) => <input {...bound} inputMode="decimal" value={form.perMinute} onChange={(event) => onChange({ perMinute: event.target.value })} />}</Field>
        ) : null}
      </div>
      <label className="check"><input type="checkbox" checked={form.initialRun} onChange={(event) => onChange({ initialRun: event.target.checked })} /><span>Run once as soon as it is switched on</span></label>
    </>
  );
}
