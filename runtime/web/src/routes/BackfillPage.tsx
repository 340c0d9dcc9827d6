import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { backfillQuery, backfillTimesQuery, pagesOf } from "@/api/backfills";
import { useFollowBackfills, usePollInterval } from "@/api/live";
import { mayEdit, sessionQuery } from "@/api/session";
import type { Backfill } from "@/api/types";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { ErrorNotice, Loading } from "@/components/States";
import { StatusBadge } from "@/components/StatusIcon";
import { BackfillActions } from "@/features/backfills/BackfillActions";
import { BackfillCalendar } from "@/features/backfills/BackfillCalendar";
import { BackfillFacts } from "@/features/backfills/BackfillFacts";
import { Bar, Legend } from "@/features/backfills/BackfillProgress";
import { stateOf } from "@/features/backfills/words";
import { useTitle } from "./title";

export function BackfillPage() {
  const { id = "" } = useParams();
  useFollowBackfills();
  const interval = usePollInterval(true);
  const backfill = useQuery({ ...backfillQuery(id), refetchInterval: (query) => (query.state.data?.ended_at ? false : interval) });
  useTitle(backfill.data?.name ?? "Backfill");
  if (backfill.isPending) return <main className="page" id="main"><Loading what="the backfill" /></main>;
  if (!backfill.data) {
    return <main className="page" id="main"><ErrorNotice error={backfill.error} onRetry={() => void backfill.refetch()} /><Link to="/backfills">All backfills</Link></main>;
  }
  return <BackfillView backfill={backfill.data} />;
}

function BackfillView({ backfill }: { backfill: Backfill }) {
  const [error, setError] = useState<Error | null>(null);
  const may = mayEdit(useQuery(sessionQuery).data);
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div className="grow">
          <div className="crumbs"><Link to="/backfills">Backfills</Link><span>/</span><Link to={`/pipelines/${encodeURIComponent(backfill.pipeline)}`}>{backfill.pipeline}</Link></div>
          <div className="row"><h1>{backfill.name}</h1><StatusBadge status={stateOf(backfill)} /></div>
        </div>
        <div className="row"><BackfillActions backfill={backfill} mayAct={may} onError={setError} /></div>
      </header>
      {error ? <ErrorNotice error={error} /> : null}
      {backfill.reason ? <PausedBecause reason={backfill.reason} /> : null}
      <section className="card backfill-state" aria-label="Progress">
        <Bar backfill={backfill} />
        <Legend backfill={backfill} />
        <BackfillFacts backfill={backfill} mayAct={may} onError={setError} />
      </section>
      <Times backfill={backfill} />
    </main>
  );
}

function PausedBecause({ reason }: { reason: string }) {
  return (
    <div className="notice" data-tone="waiting" role="alert">
      <Icon name="warning" />
      <div className="grow"><strong>Paused: its next run could not be made</strong><p className="failure-title">{reason}</p><p className="small muted">Mend it, then resume.</p></div>
    </div>
  );
}

function Times({ backfill }: { backfill: Backfill }) {
  const pages = pagesOf(backfill.total);
  const newest = backfill.order === "newest_first";
  const [page, setPage] = useState(newest ? pages - 1 : 0);
  const interval = usePollInterval(true);
  const times = useQuery({ ...backfillTimesQuery(backfill.id, page), refetchInterval: backfill.ended_at ? false : interval });
  return (
    <section className="card" aria-label="Logical times">
      <div className="section-head">
        <h2 className="grow">Logical times</h2>
        <Link className="small" to={`/runs?trigger=${backfill.id}`}>Its runs as a list</Link>
      </div>
      {times.error ? <div className="pad"><ErrorNotice error={times.error} onRetry={() => void times.refetch()} /></div> : null}
      {times.data ? <BackfillCalendar times={times.data.items} zone={backfill.schedule.timezone} /> : times.isPending ? <Loading what="its times" /> : null}
      {pages > 1 ? (
        <div className="table-foot">
          <Button size="small" disabled={page === 0} onClick={() => setPage(page - 1)}>Earlier</Button>
          <span className="small muted num">Part {page + 1} of {pages}</span>
          <Button size="small" disabled={page === pages - 1} onClick={() => setPage(page + 1)}>Later</Button>
        </div>
      ) : null}
    </section>
  );
}
