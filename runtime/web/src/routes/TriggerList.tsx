import type { ReactNode } from "react";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { Trigger } from "@/api/types";
import { Button } from "@/components/Button";
import { ErrorNotice, Loading } from "@/components/States";
import { TriggerTable } from "@/features/triggers/TriggerTable";

interface TriggerListProps {
  triggers: UseInfiniteQueryResult<InfiniteData<{ items: Trigger[] }>>;
  showPipeline: boolean;
  mayAct: boolean;
  empty: ReactNode;
}

export function TriggerList({ triggers, showPipeline, mayAct, empty }: TriggerListProps) {
  const items = triggers.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      {triggers.error ? <ErrorNotice error={triggers.error} onRetry={() => void triggers.refetch()} /> : null}
      {triggers.data ? (
        <div className="card">
          {items.length ? <TriggerTable triggers={items} showPipeline={showPipeline} mayAct={mayAct} /> : empty}
          {triggers.hasNextPage ? (
            <div className="table-foot"><Button size="small" disabled={triggers.isFetchingNextPage} onClick={() => void triggers.fetchNextPage()}>{triggers.isFetchingNextPage ? "Loading…" : "More triggers"}</Button></div>
          ) : null}
        </div>
      ) : triggers.isPending ? <Loading what="the triggers" /> : null}
    </>
  );
}
