import { useQuery } from "@tanstack/react-query";
import { clusterQuery } from "@/api/cluster";
import type { Cluster } from "@/api/types";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { DecisionTable } from "@/features/cluster/DecisionTable";
import { LeaseTable } from "@/features/cluster/LeaseTable";
import { MemberTable } from "@/features/cluster/MemberTable";
import { QueueFigures } from "@/features/cluster/QueueFigures";
import { ScalerChart } from "@/features/cluster/ScalerChart";
import { ScalerState } from "@/features/cluster/ScalerState";
import { useTitle } from "./title";

/** Heartbeats come every two seconds, and no event tells of them. */
const LOOK_MS = 3000;

export function ClusterPage() {
  useTitle("Cluster");
  const cluster = useQuery({ ...clusterQuery, refetchInterval: LOOK_MS });
  return (
    <main className="page" id="main">
      <h1>Cluster</h1>
      {cluster.isError && !cluster.data ? <ErrorNotice error={cluster.error} onRetry={() => void cluster.refetch()} /> : null}
      {cluster.isPending ? <Loading what="the cluster" /> : null}
      {cluster.data ? <Fleet cluster={cluster.data} /> : null}
    </main>
  );
}

function Fleet({ cluster }: { cluster: Cluster }) {
  return (
    <>
      <QueueFigures cluster={cluster} />
      <Section title="Schedulers" note={executors(cluster)}>
        {cluster.schedulers.length ? <MemberTable members={cluster.schedulers} load />
          : <Empty title="No scheduler is alive"><p>Nothing starts until one is. <code>penstock doctor</code> says what is missing.</p></Empty>}
      </Section>
      {cluster.scaler ? (
        <Section title="Scaler">
          <ScalerState scaler={cluster.scaler} />
          <ScalerChart scaler={cluster.scaler} decisions={cluster.scaling} />
          <DecisionTable decisions={cluster.scaling} />
        </Section>
      ) : null}
      <Section title="Web servers"><MemberTable members={cluster.web_servers} load={false} /></Section>
      {cluster.leases.length ? <Section title="Rights that one process holds"><LeaseTable cluster={cluster} /></Section> : null}
    </>
  );
}

function executors({ executors: found }: Cluster): string | undefined {
  const names = found.map((one) => String(one.type)).join(", ");
  return names ? `Blocks run by ${names}` : undefined;
}

function Section({ title, note, children }: { title: string; note?: string | undefined; children: React.ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <header className="section-head"><h2>{title}</h2>{note ? <span className="small muted">{note}</span> : null}</header>
      {children}
    </section>
  );
}
