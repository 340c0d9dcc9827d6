import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { pipelinesQuery } from "@/api/pipelines";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Loading } from "@/components/States";
import { BackfillForm } from "@/features/backfills/BackfillForm";

/** Asks for a new backfill, of this pipeline or of one to be chosen, and goes to its page. */
export function NewBackfill({ slug, onClose }: { slug?: string; onClose: () => void }) {
  const navigate = useNavigate();
  const all = useQuery({ ...pipelinesQuery, enabled: slug === undefined });
  const pipelines = slug === undefined ? all.data?.map((one) => one.slug) : [slug];
  if (pipelines) return <BackfillForm pipelines={pipelines} onClose={onClose} onCreated={(id) => void navigate(`/backfills/${id}`)} />;
  return (
    <Dialog title="New backfill" onClose={onClose}>
      <div className="dialog-body">{all.error ? <ErrorNotice error={all.error} onRetry={() => void all.refetch()} /> : <Loading what="the pipelines" />}</div>
    </Dialog>
  );
}
