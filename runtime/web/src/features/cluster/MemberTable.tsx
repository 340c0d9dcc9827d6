import type { Member } from "@/api/types";
import { Ago } from "@/components/Time";
import { useNow } from "@/components/time";
import { nameOf, slotsOf, stateOf } from "./members";

/** Processes of one kind. On a narrow screen each row becomes a card. */
export function MemberTable({ members, load }: { members: readonly Member[]; load: boolean }) {
  const now = useNow(true);
  return (
    <div className="table-wrap">
      <table className="grid" data-cards>
        <thead>
          <tr>
            <th scope="col">Process</th><th scope="col">State</th>
            {load ? <th scope="col" className="load-column">Slots</th> : null}
            <th scope="col">Started</th><th scope="col">Last word</th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => {
            const state = stateOf(member, now);
            return (
              <tr key={member.id}>
                <td><span className="mono">{nameOf(member)}</span></td>
                <td><span className="badge" data-plain data-tone={state.tone}>{state.label}</span></td>
                {load ? <td data-wide><SlotBar member={member} /></td> : null}
                <td className="muted"><span className="card-label">Started </span><Ago at={member.started_at} /></td>
                <td className="muted"><span className="card-label">Seen </span><Ago at={member.seen_at} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function SlotBar({ member }: { member: Member }) {
  const use = slotsOf(member);
  if (!use) return <span className="muted">–</span>;
  const full = use.active >= use.slots;
  return (
    <span className="load">
      <span className="load-track" data-tone={full ? "waiting" : "running"}><span style={{ width: `${Math.min(100, (use.active / use.slots) * 100)}%` }} /></span>
      <span className="num nowrap">{use.active} of {use.slots}</span>
    </span>
  );
}
