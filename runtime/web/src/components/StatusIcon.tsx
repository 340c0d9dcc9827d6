import type { ReactNode } from "react";
import { type Glyph, lookOf } from "./status";

const LINE = { fill: "none", stroke: "currentColor", strokeWidth: 1.8, strokeLinecap: "round", strokeLinejoin: "round" } as const;
const CUT = { ...LINE, stroke: "var(--glyph-cut, var(--surface))" } as const;

const SHAPES: Record<Glyph, ReactNode> = {
  check: <><circle cx="8" cy="8" r="7" fill="currentColor" /><path d="M4.8 8.3l2.2 2.2 4.2-4.7" {...CUT} /></>,
  cross: <><path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor" /><path d="M5.6 5.6l4.8 4.8m0-4.8l-4.8 4.8" {...CUT} /></>,
  ring: <><circle cx="8" cy="8" r="6" {...LINE} opacity="0.28" /><path className="spin" d="M8 2a6 6 0 0 1 6 6" {...LINE} strokeWidth={2.2} /></>,
  dots: <circle cx="8" cy="8" r="6" {...LINE} strokeDasharray="0.1 3.67" />,
  circle: <circle cx="8" cy="8" r="6" {...LINE} />,
  retry: <path d="M13.5 8A5.5 5.5 0 1 1 11.6 3.8M11.9 1.3v2.9H9" {...LINE} />,
  clock: <><circle cx="8" cy="8" r="6" {...LINE} /><path d="M8 4.6V8l2.3 1.5" {...LINE} /></>,
  blocked: <><circle cx="8" cy="8" r="6" {...LINE} strokeDasharray="3 2.3" /><path d="M6 6l4 4m0-4l-4 4" {...LINE} /></>,
  skip: <path d="M3.5 4l4 4-4 4M8.5 4l4 4-4 4" {...LINE} />,
  slash: <><circle cx="8" cy="8" r="6" {...LINE} /><path d="M4 12l8-8" {...LINE} /></>,
  lost: <><circle cx="8" cy="8" r="6" {...LINE} strokeDasharray="3 2.3" /><path d="M6.4 6.3A1.7 1.7 0 1 1 8 8.3v.6M8 11.2v.1" {...LINE} /></>,
};

/** Shape and colour of a status; the word stands beside it or, alone, in `title`. */
export function StatusIcon({ status, title }: { status: string; title?: string }) {
  const look = lookOf(status);
  return (
    <svg className="icon" viewBox="0 0 16 16" data-tone={look.tone} style={{ color: "var(--tone)" }}
      role={title ? "img" : undefined} aria-hidden={title ? undefined : true} aria-label={title}>
      {title ? <title>{title}</title> : null}
      {SHAPES[look.glyph]}
    </svg>
  );
}

export function StatusBadge({ status }: { status: string }) {
  const look = lookOf(status);
  return (
    <span className="badge" data-tone={look.tone}>
      <StatusIcon status={status} />
      {look.label}
    </span>
  );
}
