import { useEffect, useMemo, useRef, useState } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type LogScope, useLogTail } from "@/api/logs";
import { Button } from "@/components/Button";
import { Empty, ErrorNotice } from "@/components/States";
import { Segments } from "@/components/Tabs";
import { filterLines, type Threshold } from "./lines";
import { LogRow } from "./LogRow";

const LINE = 20;
const NEAR_END = 40;
const LEVELS = [{ id: "DEBUG", label: "All" }, { id: "WARNING", label: "Warnings" }, { id: "ERROR", label: "Errors" }] as const;

/** The log of a run or of one of its blocks, as it is written. Only the lines in view are drawn. */
export function LogView({ scope, running }: { scope: LogScope; running: boolean }) {
  const tail = useLogTail(scope);
  const [text, setText] = useState("");
  const [level, setLevel] = useState<Threshold>("DEBUG");
  const [wrap, setWrap] = useState(() => matchMedia("(max-width: 720px)").matches);
  const lines = useMemo(() => filterLines(tail.lines, text, level), [tail.lines, text, level]);
  return (
    <div className="log">
      <div className="log-bar">
        <input className="input log-search" type="search" placeholder="Find in log" aria-label="Find in log" value={text} onChange={(event) => setText(event.target.value)} />
        <Segments label="Level" items={LEVELS} value={level} onChange={setLevel} />
        <label className="check small"><input type="checkbox" checked={wrap} onChange={(event) => setWrap(event.target.checked)} />Wrap</label>
        <span className="muted small num log-count">{lines.length.toLocaleString()} lines{tail.state === "open" && running ? " · following" : ""}</span>
      </div>
      {tail.dropped ? <p className="log-cut">{tail.dropped.toLocaleString()} earlier lines are not kept in this page. The stored log has them.</p> : null}
      {tail.error ? <div className="log-problem"><ErrorNotice error={tail.error} onRetry={tail.retry} /></div> : null}
      {lines.length ? <Lines key={wrap ? "wrap" : "plain"} lines={lines} wrap={wrap} showBlock={!scope.block} />
        : <NoLines filtered={tail.lines.length > 0} running={running} connecting={tail.state === "connecting"} />}
    </div>
  );
}

function NoLines({ filtered, running, connecting }: { filtered: boolean; running: boolean; connecting: boolean }) {
  if (filtered) return <Empty title="No line matches"><p>Clear the search, or show all levels.</p></Empty>;
  if (connecting) return <div className="empty loading" role="status">Reading the log…</div>;
  return (
    <Empty title={running ? "Nothing written yet" : "Nothing was written"}>
      <p>Whatever a block prints, or sends to <code>kwargs[&apos;logger&apos;]</code>, appears here.</p>
    </Empty>
  );
}

interface LinesProps {
  lines: ReturnType<typeof filterLines>;
  wrap: boolean;
  showBlock: boolean;
}

function Lines({ lines, wrap, showBlock }: LinesProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing of the virtualiser is passed to memoised children
  const rows = useVirtualizer({ count: lines.length, estimateSize: () => LINE, getScrollElement: () => frame.current, overscan: 30 });
  useEffect(() => {
    if (following && lines.length) rows.scrollToIndex(lines.length - 1, { align: "end" });
  }, [following, lines.length, rows]);

  function onScroll() {
    const element = frame.current;
    if (element) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END);
  }
  return (
    <div className="log-frame">
      <div className="log-lines" ref={frame} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label="Log lines" data-wrap={wrap || undefined}>
        <div className="log-sheet" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const line = lines[row.index];
            return line ? (
              <div key={row.key} ref={wrap ? rows.measureElement : undefined} data-index={row.index} className="log-row" data-level={line.level} style={{ transform: `translateY(${row.start}px)` }}>
                <LogRow line={line} showBlock={showBlock} />
              </div>
            ) : null;
          })}
        </div>
      </div>
      {following ? null : <Button className="log-jump" size="small" icon="down" onClick={() => setFollowing(true)}>Latest</Button>}
    </div>
  );
}
