import type { ReactNode } from "react";
import type { UseInfiniteQueryResult, InfiniteData } from "@tanstack/react-query";
import type { Run } from "@/api/types";
import { Button } from "@/components/Button";
import { ErrorNotice, Loading } from "@/components/States";
import { RunTable } from "@/features/runs/RunTable";

interface RunListProps {
  runs: UseInfiniteQueryResult<InfiniteData<{ items: Run[] }>>;
  showPipeline: boolean;
  empty: ReactNode;
}

export function RunList({ runs, showPipeline, empty }: RunListProps) {
  const items = runs.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      {runs.error ? <ErrorNotice error={runs.error} onRetry={() => void runs.refetch()} /> : null}
      {runs.data ? (
        <div className="card">
          {items.length ? <RunTable runs={items} showPipeline={showPipeline} /> : empty}
          {runs.hasNextPage ? (
            <div className="table-foot"><Button size="small" disabled={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>{runs.isFetchingNextPage ? "Loading…" : "Older runs"}</Button></div>
          ) : null}
        </div>
      ) : runs.isPending ? <Loading what="the runs" /> : null}
    </>
  );
}
