import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { pipelineQuery } from "@/api/pipelines";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Loading } from "@/components/States";
import { RunDialog } from "@/features/pipelines/RunDialog";

/** Reads a pipeline's variables, asks for their values and goes to the run that it starts. */
export function StartRun({ slug, onClose }: { slug: string; onClose: () => void }) {
  const navigate = useNavigate();
  const pipeline = useQuery(pipelineQuery(slug));
  if (pipeline.data) return <RunDialog pipeline={pipeline.data} onClose={onClose} onStarted={(id) => void navigate(`/runs/${id}`)} />;
  return (
    <Dialog title={`Run ${slug}`} onClose={onClose}>
      <div className="dialog-body">{pipeline.error ? <ErrorNotice error={pipeline.error} onRetry={() => void pipeline.refetch()} /> : <Loading what="its variables" />}</div>
    </Dialog>
  );
}
