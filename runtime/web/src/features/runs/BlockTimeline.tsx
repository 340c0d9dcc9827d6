import { useRef } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { StatusIcon } from "@/components/StatusIcon";
import { lookOf } from "@/components/status";
import { elapsed, formatDuration, useNow } from "@/components/time";
import { type BlockSummary, hasEnded } from "./blocks";

interface BlockTimelineProps {
  blocks: readonly BlockSummary[];
  startedAt: string | null;
  endedAt: string | null;
  selected: string | null;
  onSelect: (slug: string) => void;
}

const ROW = 36;

/** The same blocks as a list with bars in time: what the graph says, for narrow screens and for reading durations. */
export function BlockTimeline({ blocks, startedAt, endedAt, selected, onSelect }: BlockTimelineProps) {
  const frame = useRef<HTMLDivElement>(null);
  const now = useNow(Boolean(startedAt) && !endedAt);
  const begin = startedAt ? Date.parse(startedAt) : now;
  const whole = Math.max(1, (endedAt ? Date.parse(endedAt) : now) - begin);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing of the virtualiser is passed to memoised children
  const rows = useVirtualizer({ count: blocks.length, estimateSize: () => ROW, getScrollElement: () => frame.current, overscan: 12 });
  return (
    <div className="timeline" ref={frame}>
      <ul style={{ height: rows.getTotalSize() }} aria-label="Blocks by time">
        {rows.getVirtualItems().map((row) => {
          const block = blocks[row.index];
          return block ? (
            <li key={block.slug} style={{ transform: `translateY(${row.start}px)`, height: ROW }}>
              <TimelineRow block={block} begin={begin} whole={whole} now={now} selected={block.slug === selected} onSelect={onSelect} />
            </li>
          ) : null;
        })}
      </ul>
    </div>
  );
}

interface TimelineRowProps {
  block: BlockSummary;
  begin: number;
  whole: number;
  now: number;
  selected: boolean;
  onSelect: (slug: string) => void;
}

function TimelineRow({ block, begin, whole, now, selected, onSelect }: TimelineRowProps) {
  const ms = elapsed(block.startedAt, block.endedAt, now);
  const left = block.startedAt ? Math.max(0, (Date.parse(block.startedAt) - begin) / whole) * 100 : 0;
  const look = lookOf(block.status);
  const words = [look.label, block.mapped ? `${block.done} of ${block.instances.length}` : null, ms === null ? null : formatDuration(ms)];
  return (
    <button type="button" className="timeline-row" aria-pressed={selected} data-tone={look.tone} onClick={() => onSelect(block.slug)}
      aria-label={[block.name, ...words].filter(Boolean).join(", ")}>
      <StatusIcon status={block.status} />
      <span className="timeline-name">{block.name}</span>
      <span className="timeline-progress num">{block.mapped ? `${block.done}/${block.instances.length}` : ""}</span>
      <span className="timeline-track">
        {ms === null ? null : <span style={{ left: `${Math.min(left, 99)}%`, width: `max(3px, ${Math.min(100 - left, (ms / whole) * 100)}%)` }} />}
      </span>
      <span className="timeline-time num">{ms === null ? (hasEnded(block.status) ? "" : "–") : formatDuration(ms)}</span>
    </button>
  );
}
