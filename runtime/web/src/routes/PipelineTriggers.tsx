import { useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { triggersQuery } from "@/api/triggers";
import { Button } from "@/components/Button";
import { Empty } from "@/components/States";
import { NewTrigger } from "./NewTrigger";
import { TriggerList } from "./TriggerList";

/** What starts runs of one pipeline. */
export function PipelineTriggers({ slug, mayAct }: { slug: string; mayAct: boolean }) {
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const triggers = useInfiniteQuery({ ...triggersQuery(slug), refetchInterval: 5000 });
  const make = <Button kind="primary" icon="plus" disabled={!mayAct} title={mayAct ? undefined : "Your role may look, not act."} onClick={() => setMaking(true)}>New trigger</Button>;
  const any = triggers.data?.pages.some((page) => page.items.length) ?? false;
  return (
    <div className="tab-body">
      {any ? <div className="row end-row">{make}</div> : null}
      <TriggerList triggers={triggers} showPipeline={false} mayAct={mayAct}
        empty={<Empty title="Nothing starts it yet"><p>Give it a schedule, an address that programs call, or an event to wait for.</p>{make}</Empty>} />
      {making ? <NewTrigger pipelines={[slug]} onClose={() => setMaking(false)} onMade={(at, token) => void navigate(at, { state: { token } })} /> : null}
    </div>
  );
}
