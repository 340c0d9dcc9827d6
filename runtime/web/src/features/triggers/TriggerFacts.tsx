import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Trigger } from "@/api/types";
import { describeSeconds, describeTrigger, kindLabel } from "./words";

const CATCH_UP: Record<string, string> = { latest: "the latest tick alone", none: "none of them", all: "all of them" };

/** Everything that the trigger's settings say, in words. */
export function TriggerFacts({ trigger }: { trigger: Trigger }) {
  const { settings } = trigger;
  const variables = Object.entries(trigger.variables);
  const event = settings.event as { match?: Record<string, unknown> } | undefined;
  return (
    <dl className="trigger-facts">
      <Fact name="Pipeline"><Link to={`/pipelines/${encodeURIComponent(trigger.pipeline)}`}>{trigger.pipeline}</Link></Fact>
      <Fact name={kindLabel(trigger.kind)}>
        {describeTrigger(trigger)}
        {trigger.kind === "schedule" && typeof settings.schedule_interval === "string" ? <code className="trigger-cron">{settings.schedule_interval}</code> : null}
      </Fact>
      {Object.entries(event?.match ?? {}).map(([path, value]) => <Fact key={path} name={<code>{path}</code>}><code>{JSON.stringify(value)}</code></Fact>)}
      {trigger.kind === "schedule" ? <ScheduleFacts settings={settings} /> : null}
      {settings.skip_if_previous_running ? <Fact name="One at a time">a run is skipped while the last is going</Fact> : null}
      {present(settings.pipeline_run_limit) ? <Fact name="Runs at once">at most {String(settings.pipeline_run_limit)}</Fact> : null}
      {present(settings.timeout) ? <Fact name="Timeout">{describeSeconds(Number(settings.timeout))}, then {settings.timeout_status === "cancelled" ? "cancelled" : "failed"}</Fact> : null}
      {present(settings.sla) ? <Fact name="Service level">done within {describeSeconds(Number(settings.sla))}</Fact> : null}
      <Fact name="Variables">{variables.length ? variables.map(([name, value]) => <div key={name}><code>{name} = {JSON.stringify(value)}</code></div>) : "none of its own"}</Fact>
      <Fact name="Kept in"><code>pipelines/{trigger.pipeline}/triggers.yaml</code></Fact>
    </dl>
  );
}

function ScheduleFacts({ settings }: { settings: Trigger["settings"] }) {
  const catchUp = typeof settings.catch_up === "string" ? settings.catch_up : "latest";
  return (
    <>
      <Fact name="Timezone">{typeof settings.timezone === "string" ? settings.timezone : "UTC"}</Fact>
      {present(settings.start_time) ? <Fact name="Begins">{String(settings.start_time)}</Fact> : null}
      {present(settings.end_time) ? <Fact name="Ends">{String(settings.end_time)}</Fact> : null}
      {present(settings.jitter_seconds) ? <Fact name="Jitter">up to {describeSeconds(Number(settings.jitter_seconds))}</Fact> : null}
      <Fact name="Missed ticks">run {CATCH_UP[catchUp] ?? catchUp}{catchUp === "all" ? `, ${typeof settings.catch_up_per_minute === "number" ? settings.catch_up_per_minute : 6} a minute` : ""}</Fact>
    </>
  );
}

function present(value: unknown): boolean {
  return value !== undefined && value !== null && value !== 0 && value !== "";
}

function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return <div className="fact"><dt>{name}</dt><dd>{children}</dd></div>;
}
