import { useState } from "react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { backfillsQuery } from "@/api/backfills";
import { useFollowBackfills, usePollInterval } from "@/api/live";
import { mayEdit, sessionQuery } from "@/api/session";
import { Button } from "@/components/Button";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { BackfillTable } from "@/features/backfills/BackfillTable";
import { NewBackfill } from "./NewBackfill";
import { useTitle } from "./title";

export function BackfillsPage() {
  useTitle("Backfills");
  useFollowBackfills();
  const [making, setMaking] = useState(false);
  const session = useQuery(sessionQuery);
  const backfills = useInfiniteQuery({ ...backfillsQuery(), refetchInterval: usePollInterval(true) });
  const items = backfills.data?.pages.flatMap((page) => page.items) ?? [];
  const may = mayEdit(session.data);
  const button = <Button kind="primary" icon="plus" disabled={!may} title={may ? undefined : "Your role may look, not act."} onClick={() => setMaking(true)}>New backfill</Button>;
  return (
    <main className="page" id="main">
      <header className="page-head"><h1 className="grow">Backfills</h1>{items.length ? button : null}</header>
      {backfills.error ? <ErrorNotice error={backfills.error} onRetry={() => void backfills.refetch()} /> : null}
      {backfills.data ? (
        <div className="card">
          {items.length ? <BackfillTable backfills={items} showPipeline />
            : <Empty title="No backfills yet"><p>A backfill runs a pipeline once for each time of a range that has passed: after a new pipeline, a mended bug, or late data.</p>{button}</Empty>}
          {backfills.hasNextPage ? (
            <div className="table-foot"><Button size="small" disabled={backfills.isFetchingNextPage} onClick={() => void backfills.fetchNextPage()}>{backfills.isFetchingNextPage ? "Loading…" : "Older backfills"}</Button></div>
          ) : null}
        </div>
      ) : backfills.isPending ? <Loading what="the backfills" /> : null}
      {making ? <NewBackfill onClose={() => setMaking(false)} /> : null}
    </main>
  );
}
