import type { LostTicks, Ticks } from "@/api/types";
import { Ago, Moment } from "@/components/Time";
import { clockChanges, describeLost, wallTime } from "./words";

/** The next ticks on the clock of the schedule's zone. */
export function TickList({ ticks, paused }: { ticks: Ticks; paused: boolean }) {
  if (ticks.always_on) return <p className="muted">The next run begins when the last one has ended.</p>;
  if (!ticks.ticks.length) return <p className="muted">No tick is left: the schedule has ended.</p>;
  return (
    <>
      {paused ? <p className="muted small">It is paused. These are the ticks that it would have.</p> : null}
      <ol className="ticks">
        {ticks.ticks.map((tick, at) => (
          <li key={tick.at}>
            <time dateTime={tick.at} className="num">{wallTime(tick.local)}</time>
            {clockChanges(ticks.ticks[at - 1]?.local, tick.local) ? <span className="chip">clocks change</span> : null}
            <span className="muted small tick-ago"><Ago at={tick.at} /></span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** The newest gaps: ticks of which no run was made. */
export function LostList({ lost }: { lost: readonly LostTicks[] }) {
  if (!lost.length) return <p className="muted">None: every tick has made its run.</p>;
  return (
    <ul className="lost">
      {lost.map((gap) => (
        <li key={`${gap.kind}${gap.first_at}${gap.reason}`} data-tone={gap.kind === "missed" ? "failed" : "waiting"}>
          <strong>{describeLost(gap)}</strong>
          <span className="muted small">{gap.ticks === 1 ? <Moment at={gap.last_at} /> : <><Moment at={gap.first_at} /> to <Moment at={gap.last_at} /></>}</span>
          <span className="small">{gap.reason}</span>
        </li>
      ))}
    </ul>
  );
}
