import { useQuery } from "@tanstack/react-query";
import { usePollInterval } from "@/api/live";
import { runNotificationsQuery } from "@/api/notifications";
import type { Notification } from "@/api/types";
import { Ago } from "@/components/Time";
import { eventName } from "./notices";

/** Who was told of a run, who is still to be told, and who could not be told and why. Nothing when nobody is. */
export function RunNotices({ runId }: { runId: string }) {
  const interval = usePollInterval(true);
  const notices = useQuery({
    ...runNotificationsQuery(runId),
    refetchInterval: (query) => (query.state.data?.some((one) => one.state === "waiting") ? interval : false),
  });
  if (!notices.data?.length) return null;
  return (
    <>
      <h3>Told</h3>
      <dl>{notices.data.map((one) => <Notice key={one.id} notice={one} />)}</dl>
    </>
  );
}

function Notice({ notice }: { notice: Notification }) {
  return (
    <div className="fact">
      <dt>{notice.destination}</dt>
      <dd>
        {eventName(notice.event)}
        {notice.epoch > 1 ? `, try ${notice.epoch}` : null} · <Outcome notice={notice} />
        {notice.last_error && notice.state !== "sent" ? <p className="muted small">{notice.last_error}</p> : null}
      </dd>
    </div>
  );
}

function Outcome({ notice }: { notice: Notification }) {
  if (notice.state === "sent") return <span>sent <Ago at={notice.sent_at} /></span>;
  if (notice.state === "given_up") return <strong>not sent: given up after {notice.tries} {notice.tries === 1 ? "try" : "tries"}</strong>;
  return <span>{notice.tries === 0 ? "waiting to be sent" : `not taken yet, ${notice.tries} ${notice.tries === 1 ? "try" : "tries"} so far`}</span>;
}
