import { useState } from "react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { pipelinesQuery } from "@/api/pipelines";
import { mayEdit, sessionQuery } from "@/api/session";
import { triggersQuery } from "@/api/triggers";
import { Button } from "@/components/Button";
import { Empty } from "@/components/States";
import { NewTrigger } from "./NewTrigger";
import { useTitle } from "./title";
import { TriggerList } from "./TriggerList";

/** Runs move a list of triggers, and are too many to follow one by one. */
const LOOK_MS = 5000;

export function TriggersPage() {
  useTitle("Triggers");
  const navigate = useNavigate();
  const session = useQuery(sessionQuery);
  const pipelines = useQuery(pipelinesQuery);
  const triggers = useInfiniteQuery({ ...triggersQuery(), refetchInterval: LOOK_MS });
  const [making, setMaking] = useState(false);
  const may = mayEdit(session.data);
  const slugs = pipelines.data?.map((pipeline) => pipeline.slug) ?? [];
  return (
    <main className="page" id="main">
      <header className="page-head">
        <h1 className="grow">Triggers</h1>
        <Button kind="primary" icon="plus" disabled={!may || !slugs.length} title={may ? undefined : "Your role may look, not act."} onClick={() => setMaking(true)}>New trigger</Button>
      </header>
      <TriggerList triggers={triggers} showPipeline mayAct={may} empty={(
        <Empty title="No triggers yet">
          <p>A trigger starts runs of a pipeline: on a schedule, when a program calls it, or on an event. Make one here, or write it into the pipeline&apos;s <code>triggers.yaml</code>.</p>
        </Empty>
      )} />
      {making ? <NewTrigger pipelines={slugs} onClose={() => setMaking(false)} onMade={(at, token) => void navigate(at, { state: { token } })} /> : null}
    </main>
  );
}
