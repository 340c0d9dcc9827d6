import { useQuery } from "@tanstack/react-query";
import { previewQuery } from "@/api/backfills";
import type { BackfillPreview, BackfillPreviewRequest } from "@/api/types";
import { asProblem } from "@/components/States";
import { timeText } from "./calendar";

interface PreviewPaneProps {
  /** Null while the form is not complete. */
  request: BackfillPreviewRequest | null;
  zone: string;
  /** Whether the form has changed since. */
  waiting: boolean;
}

/** What the backfill would do, as the server works it out while the form is filled in. */
export function BackfillPreviewPane({ request, zone, waiting }: PreviewPaneProps) {
  const preview = useQuery({ ...previewQuery(request), retry: false });
  const stale = waiting || preview.isFetching;
  return (
    <section className="preview" aria-label="Preview" aria-busy={stale} data-stale={stale || undefined}>
      {request === null ? <p className="muted">Fill in the range to see what will run.</p>
        : preview.error ? <PreviewProblem error={preview.error} />
          : preview.data ? <Facts preview={preview.data} zone={zone} />
            : <p className="muted">Working it out…</p>}
    </section>
  );
}

function PreviewProblem({ error }: { error: Error }) {
  const { title, detail, problems } = asProblem(error);
  return <p className="problem" role="alert">{problems?.length ? problems.join("; ") : detail ?? title}</p>;
}

function Facts({ preview, zone }: { preview: BackfillPreview; zone: string }) {
  const { total, succeeded, next_times: next } = preview;
  return (
    <>
      <p className="preview-total"><strong className="num">{total.toLocaleString()}</strong> {total === 1 ? "run" : "runs"}</p>
      <dl className="preview-facts">
        <div><dt>First</dt><dd className="num">{timeText(preview.first_at, zone)}</dd></div>
        {total > 1 ? <div><dt>Last</dt><dd className="num">{timeText(preview.last_at, zone)}</dd></div> : null}
      </dl>
      {total > 2 ? (
        <details className="backfill-more small">
          <summary>The first {next.length} in order</summary>
          <ol className="preview-times num">{next.map((at) => <li key={at}>{timeText(at, zone)}</li>)}</ol>
        </details>
      ) : null}
      {succeeded ? <p className="small muted">{succeeded === total ? "All" : succeeded.toLocaleString()} of these times {succeeded === 1 ? "has" : "have"} a scheduled run that succeeded. The backfill runs them again.</p> : null}
    </>
  );
}
