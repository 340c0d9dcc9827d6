import { type SubmitEvent, type KeyboardEvent, useState } from "react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/errors";
import { saveSource, sourceQuery } from "@/api/pipelines";
import type { BlockSource } from "@/api/types";
import { Button } from "@/components/Button";
import { ErrorNotice, Loading } from "@/components/States";

interface SourceEditorProps {
  pipeline: string;
  block: string;
  mayEdit: boolean;
}

/** A block's text, plain. A save that would overwrite someone else's shows both texts instead. */
export function SourceEditor({ pipeline, block, mayEdit }: SourceEditorProps) {
  const query = useQuery(sourceQuery(pipeline, block));
  if (query.isPending) return <Loading what="the source" />;
  if (query.error) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return <Editor key={`${pipeline}/${block}`} pipeline={pipeline} block={block} source={query.data} mayEdit={mayEdit} />;
}

function Editor({ pipeline, block, source, mayEdit }: SourceEditorProps & { source: BlockSource }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<{ text: string; etag: string } | null>(null);
  const save = useMutation({
    mutationFn: (edit: { text: string; etag: string }) => saveSource(pipeline, block, edit.text, edit.etag),
    onSuccess: (saved) => {
      client.setQueryData(sourceQuery(pipeline, block).queryKey, saved);
      setDraft(null);
    },
  });
  const text = draft?.text ?? source.text;
  // The draft keeps the version it began from: a change that arrives meanwhile must not make its save look fresh.
  const edit = (next: string) => setDraft({ text: next, etag: draft?.etag ?? source.etag });
  const lost = save.error instanceof ApiError ? save.error.current : null;

  function onSubmit(event: SubmitEvent) {
    event.preventDefault();
    if (draft) save.mutate(draft);
  }
  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (draft) save.mutate(draft);
  }
  return (
    <form className="source" onSubmit={onSubmit}>
      <div className="source-bar">
        <span className="mono muted source-path">{source.path}</span>
        {draft ? <span className="chip">not saved</span> : null}
        {draft ? <Button size="small" kind="quiet" onClick={() => { setDraft(null); save.reset(); }}>Discard</Button> : null}
        {mayEdit ? <Button size="small" kind="primary" type="submit" disabled={!draft || save.isPending}>{save.isPending ? "Saving…" : "Save"}</Button>
          : <span className="muted small">read only for your role</span>}
      </div>
      {lost ? <Conflict theirs={lost} onKeepMine={() => draft && save.mutate({ text: draft.text, etag: lost.etag })} onTakeTheirs={() => { setDraft(null); save.reset(); void client.invalidateQueries(sourceQuery(pipeline, block)); }} />
        : save.error ? <div className="pad"><ErrorNotice error={save.error} /></div> : null}
      <textarea className="source-text" aria-label={`Source of ${block}`} value={text} readOnly={!mayEdit} spellCheck={false} wrap="off"
        autoCapitalize="off" autoComplete="off" onChange={(event) => edit(event.target.value)} onKeyDown={onKeyDown} />
    </form>
  );
}

interface ConflictProps {
  theirs: { text: string; etag: string };
  onKeepMine: () => void;
  onTakeTheirs: () => void;
}

function Conflict({ theirs, onKeepMine, onTakeTheirs }: ConflictProps) {
  return (
    <div className="pad">
      <div className="notice" data-tone="waiting" role="alert">
        <div className="stack grow">
          <strong>Someone changed this file since you opened it. Nothing was overwritten.</strong>
          <details><summary>The text that is saved now</summary><pre>{theirs.text}</pre></details>
          <div className="row">
            <Button size="small" onClick={onTakeTheirs}>Take theirs, drop mine</Button>
            <Button size="small" kind="danger" onClick={onKeepMine}>Replace it with mine</Button>
          </div>
        </div>
      </div>
    </div>
  );
}
