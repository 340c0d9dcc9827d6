import { Empty } from "@/components/States";
import { StatusBadge } from "@/components/StatusIcon";
import { Ago, Duration } from "@/components/Time";
import { formatBytes } from "@/components/time";
import type { InstanceAttempt } from "./blocks";

const REASONS: Record<string, string> = {
  success: "finished", error: "raised an error", timeout: "ran out of time", cancelled: "cancelled", out_of_memory: "ran out of memory",
  evicted: "evicted by its platform", image: "image could not start", quota: "no quota", drained: "its scheduler was stopping", lost: "its worker was lost",
};

/** Every try of a block, the latest first. */
export function AttemptTable({ attempts }: { attempts: readonly InstanceAttempt[] }) {
  if (!attempts.length) return <Empty title="No attempt yet"><p>The first one appears here when the block starts.</p></Empty>;
  const mapped = attempts.some((attempt) => attempt.mapIndex !== null);
  return (
    <div className="table-wrap">
      <table className="grid" data-dense>
        <thead>
          <tr>
            <th scope="col">#</th>
            {mapped ? <th scope="col">Instance</th> : null}
            <th scope="col">Status</th><th scope="col">Why it ended</th><th scope="col">Started</th><th scope="col">Duration</th>
            <th scope="col" className="end">Peak memory</th><th scope="col" className="end">CPU</th><th scope="col">Ran on</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <tr key={attempt.id}>
              <td className="num">{attempt.number}</td>
              {mapped ? <td className="num">{attempt.mapIndex ?? "–"}</td> : null}
              <td><StatusBadge status={attempt.status} /></td>
              <td className="nowrap">{attempt.exit_reason ? REASONS[attempt.exit_reason] ?? attempt.exit_reason : <span className="muted">–</span>}{exitCode(attempt)}</td>
              <td><Ago at={attempt.started_at} /></td>
              <td><Duration startedAt={attempt.started_at} endedAt={attempt.ended_at} /></td>
              <td className="end num nowrap">{attempt.peak_memory_bytes ? formatBytes(attempt.peak_memory_bytes) : "–"}</td>
              <td className="end num nowrap">{attempt.cpu_seconds == null ? "–" : `${attempt.cpu_seconds.toFixed(2)} s`}</td>
              <td className="muted nowrap">{[attempt.executor, attempt.host, attempt.pid].filter(Boolean).join(" · ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function exitCode({ exit_code: code }: InstanceAttempt): string {
  return code ? ` (exit ${code})` : "";
}
