import { type ReactNode, useMemo, useState } from "react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate, useParams } from "react-router";
import { usePollInterval } from "@/api/live";
import { runsQuery } from "@/api/runs";
import { mayEdit, sessionQuery } from "@/api/session";
import { ticksQuery, triggerQuery } from "@/api/triggers";
import type { Trigger } from "@/api/types";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { LostList, TickList } from "@/features/triggers/TickList";
import { TokenPanel, TokenShown } from "@/features/triggers/TokenPanel";
import { TriggerActions } from "@/features/triggers/TriggerActions";
import { TriggerDialog } from "@/features/triggers/TriggerDialog";
import { TriggerFacts } from "@/features/triggers/TriggerFacts";
import { TriggerSwitch } from "@/features/triggers/TriggerSwitch";
import { RunList } from "./RunList";
import { useTitle } from "./title";

export function TriggerPage() {
  const { id = "" } = useParams();
  const trigger = useQuery({ ...triggerQuery(id), refetchInterval: usePollInterval(true) });
  useTitle(trigger.data?.name ?? "Trigger");
  if (trigger.isPending) return <main className="page" id="main"><Loading what="the trigger" /></main>;
  if (!trigger.data) {
    return <main className="page" id="main"><ErrorNotice error={trigger.error} onRetry={() => void trigger.refetch()} /><Link to="/triggers">All triggers</Link></main>;
  }
  return <TriggerView key={id} trigger={trigger.data} stale={trigger.error} />;
}

function TriggerView({ trigger, stale }: { trigger: Trigger; stale: Error | null }) {
  const navigate = useNavigate();
  const session = useQuery(sessionQuery);
  const may = mayEdit(session.data);
  const [editing, setEditing] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const [token, setToken] = useTokenOfNavigation();
  return (
    <main className="page" id="main">
      <header className="page-head trigger-head">
        <div className="grow">
          <div className="crumbs"><Link to="/triggers">Triggers</Link><span>/</span><Link to={`/pipelines/${encodeURIComponent(trigger.pipeline)}?tab=triggers`}>{trigger.pipeline}</Link></div>
          <div className="row"><h1>{trigger.name}</h1><TriggerSwitch trigger={trigger} mayAct={may} onProblem={setProblem} /><span className="muted">{trigger.active ? "On" : "Paused"}</span></div>
          {typeof trigger.settings.description === "string" ? <p className="muted pipeline-text">{trigger.settings.description}</p> : null}
        </div>
        <TriggerActions trigger={trigger} mayAct={may} onEdit={() => setEditing(true)} onProblem={setProblem} onFired={(run) => void navigate(`/runs/${run}`)} onDeleted={() => void navigate("/triggers")} />
      </header>
      {problem ?? stale ? <ErrorNotice error={problem ?? stale} /> : null}
      {token ? <TokenShown token={token} onDone={() => setToken(null)} /> : null}
      <div className="trigger-panes">
        <Section title="What it does"><TriggerFacts trigger={trigger} /></Section>
        {trigger.kind === "api" ? <Section title="How to call it"><TokenPanel trigger={trigger} mayAct={may} onToken={setToken} /></Section> : null}
        <Looking trigger={trigger} />
      </div>
      <h2>Runs</h2>
      <TriggerRuns id={trigger.id} />
      {editing ? <TriggerDialog trigger={trigger} pipelines={[trigger.pipeline]} onClose={() => setEditing(false)} onSaved={() => setEditing(false)} /> : null}
    </main>
  );
}

/** A token that came with the navigation here. It is forgotten at once, so that going back shows it no more. */
function useTokenOfNavigation(): [string | null, (token: string | null) => void] {
  const { state } = useLocation() as { state: { token?: string | null } | null };
  const navigate = useNavigate();
  const [token, setToken] = useState(state?.token ?? null);
  function show(next: string | null) {
    setToken(next);
    if (next === null && state?.token) void navigate(".", { replace: true, state: null });
  }
  return [token, show];
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return <section className="card trigger-section" aria-label={title}><h2>{title}</h2>{children}</section>;
}

/** What comes next, and what did not come about. */
function Looking({ trigger }: { trigger: Trigger }) {
  const ticks = useQuery({ ...ticksQuery(trigger.id), refetchInterval: 5000 });
  if (ticks.error && !ticks.data) return <Section title="Next ticks"><ErrorNotice error={ticks.error} onRetry={() => void ticks.refetch()} /></Section>;
  if (!ticks.data) return null;
  const scheduled = trigger.kind === "schedule";
  return (
    <>
      {scheduled ? <Section title={`Next ticks in ${ticks.data.timezone}`}><TickList ticks={ticks.data} paused={!trigger.active} /></Section> : null}
      {scheduled || ticks.data.lost.length ? <Section title="Missed and skipped"><LostList lost={ticks.data.lost} /></Section> : null}
    </>
  );
}

function TriggerRuns({ id }: { id: string }) {
  const where = useMemo(() => ({ trigger: id }), [id]);
  const runs = useInfiniteQuery({ ...runsQuery(where), refetchInterval: usePollInterval(true) });
  return <RunList runs={runs} showPipeline={false} empty={<Empty title="No run yet"><p>Runs that this trigger starts are listed here. Press Run now to start one.</p></Empty>} />;
}
