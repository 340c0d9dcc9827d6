import { memo } from "react";
import { StatusIcon } from "@/components/StatusIcon";
import { lookOf } from "@/components/status";
import { NODE } from "./layout";

/** What a node shows. `done` and `total` count the instances of a mapped block; `note` is a duration or a remark. */
export interface NodeFace {
  name: string;
  kind: string;
  status?: string | undefined;
  note?: string | undefined;
  /** The note is bad news. */
  alarm?: boolean | undefined;
  done?: number | undefined;
  total?: number | undefined;
}

interface GraphNodeProps extends NodeFace {
  slug: string;
  x: number;
  y: number;
  selected: boolean;
  tabStop: boolean;
  onSelect: (slug: string) => void;
}

export const GraphNode = memo(function GraphNode(props: GraphNodeProps) {
  const { slug, x, y, name, kind, status, note, alarm, done, total, selected, tabStop, onSelect } = props;
  const look = status ? lookOf(status) : null;
  const mapped = total !== undefined;
  const progress = mapped ? `${done ?? 0}/${total}` : null;
  const spoken = [name, kind, look?.label, progress ? `${done ?? 0} of ${total ?? 0} instances done` : null, note];
  return (
    <button type="button" className="node" data-slug={slug} data-tone={look?.tone ?? "idle"} data-status={status}
      data-mapped={mapped || undefined} aria-pressed={selected} tabIndex={tabStop ? 0 : -1}
      aria-label={spoken.filter(Boolean).join(", ")} title={name}
      style={{ transform: `translate(${x}px, ${y}px)`, width: NODE.width, height: NODE.height }} onClick={() => onSelect(slug)}>
      {status ? <StatusIcon status={status} /> : <span className="node-dot" />}
      <span className="node-text">
        <span className="node-head"><span className="node-name">{name}</span>{progress ? <span className="num node-progress">{progress}</span> : null}</span>
        <span className="node-more">
          <span className="node-state">{look?.label ?? kind}</span>
          {note ? <span className="num node-note" data-alarm={alarm ? true : undefined}>{note}</span> : null}
        </span>
      </span>
      {mapped && status ? <span className="node-bar"><span style={{ width: `${total ? ((done ?? 0) / total) * 100 : 0}%` }} /></span> : null}
    </button>
  );
});
