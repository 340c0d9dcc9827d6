import type { Cluster } from "@/api/types";
import { Ago } from "@/components/Time";
import { holderOf, rightOf } from "./members";

/** Rights that one process holds at a time, and what starts blocks here. */
export function LeaseTable({ cluster }: { cluster: Cluster }) {
  const members = [...cluster.schedulers, ...cluster.web_servers];
  return (
    <div className="table-wrap">
      <table className="grid" data-cards>
        <thead><tr><th scope="col">The right</th><th scope="col">Held by</th><th scope="col">Term</th><th scope="col">Until</th></tr></thead>
        <tbody>
          {cluster.leases.map((lease) => (
            <tr key={lease.name}>
              <td>{rightOf(lease)}</td>
              <td className="mono">{holderOf(lease, members)}</td>
              <td className="num muted"><span className="card-label">Term </span>{lease.term}</td>
              <td className="muted"><span className="card-label">Until </span><Ago at={lease.expires_at} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
