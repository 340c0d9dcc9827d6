import { useRef } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { BlockRun } from "@/api/types";
import { StatusBadge } from "@/components/StatusIcon";
import { elapsed, formatDuration, useNow } from "@/components/time";
import { hasEnded } from "./blocks";

interface InstanceListProps {
  instances: readonly BlockRun[];
  selected: number | null;
  onSelect: (mapIndex: number | null) => void;
}

const ROW = 34;

/** The instances of a mapped block. Choosing one narrows logs and output to it; choosing it again widens them. */
export function InstanceList({ instances, selected, onSelect }: InstanceListProps) {
  const frame = useRef<HTMLDivElement>(null);
  const now = useNow(instances.some((row) => !hasEnded(row.status)));
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing of the virtualiser is passed to memoised children
  const rows = useVirtualizer({ count: instances.length, estimateSize: () => ROW, getScrollElement: () => frame.current, overscan: 12 });
  return (
    <div className="instances" ref={frame}>
      <ul style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const instance = instances[row.index];
          if (!instance) return null;
          const ms = elapsed(instance.started_at, instance.ended_at, now);
          const index = instance.map_index;
          return (
            <li key={row.key} style={{ transform: `translateY(${row.start}px)`, height: ROW }}>
              <button type="button" className="instance-row" aria-pressed={index === selected} onClick={() => onSelect(index === selected ? null : index)}>
                <span className="num instance-index">{index}</span>
                <StatusBadge status={instance.status} />
                <span className="instance-error">{instance.error?.message ?? ""}</span>
                <span className="num muted">{ms === null ? "" : formatDuration(ms)}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
