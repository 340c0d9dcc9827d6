import type { ReactNode } from "react";
import { Button } from "./Button";
import { Icon } from "./Icon";

/** Anything that went wrong, in the words of whoever knows: `detail` says what to do, `problems` lists fields. */
export interface Problem {
  title: string;
  detail?: string;
  problems?: readonly string[];
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Error && "problem" in error) return error.problem as Problem;
  return { title: "Something went wrong", detail: error instanceof Error ? error.message : String(error) };
}

export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, detail, problems } = asProblem(error);
  return (
    <div className="notice" data-tone="failed" role="alert">
      <Icon name="warning" />
      <div className="stack grow" style={{ gap: 4 }}>
        <strong>{title}</strong>
        {detail ? <span>{detail}</span> : null}
        {problems?.length ? <ul className="small">{problems.map((line) => <li key={line}>{line}</li>)}</ul> : null}
        {onRetry ? <div><Button size="small" onClick={onRetry}>Try again</Button></div> : null}
      </div>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Says that something is loading, to everyone; drawn only after a moment, so that quick answers do not flicker. */
export function Loading({ what }: { what: string }) {
  return <div className="empty loading" role="status">Loading {what}…</div>;
}
