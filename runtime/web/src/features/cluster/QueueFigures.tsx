import type { ReactNode } from "react";
import type { Cluster } from "@/api/types";
import { delayWords } from "./decisions";
import { slotsOf } from "./members";

/** The load in figures. */
export function QueueFigures({ cluster }: { cluster: Cluster }) {
  const { queue } = cluster;
  const slots = cluster.schedulers.filter((member) => !member.standby).reduce((sum, member) => sum + (slotsOf(member)?.slots ?? 0), 0);
  return (
    <dl className="figures card" aria-label="Load">
      <Figure name="Runs queued">{queue.runs_queued}</Figure>
      <Figure name="Runs running">{queue.runs_running}</Figure>
      <Figure name="Blocks ready">{queue.block_runs_ready}</Figure>
      <Figure name="Longest wait">{queue.block_runs_ready ? delayWords(queue.oldest_ready_age_seconds) : "–"}</Figure>
      <Figure name="Blocks running" note={slots ? `of ${slots} slots` : undefined}>{queue.attempts_running}</Figure>
    </dl>
  );
}

function Figure({ name, note, children }: { name: string; note?: string | undefined; children: ReactNode }) {
  return <div><dt>{name}</dt><dd className="num">{children}{note ? <span className="figure-note"> {note}</span> : null}</dd></div>;
}
