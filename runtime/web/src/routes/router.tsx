import { createBrowserRouter, Link, useRouteError } from "react-router";
import { Empty, ErrorNotice, Loading } from "@/components/States";
import { GatePage } from "./GatePage";
import { PipelinesPage } from "./PipelinesPage";
import { RunsPage } from "./RunsPage";
import { Shell } from "./Shell";
import { TriggerPage } from "./TriggerPage";
import { TriggersPage } from "./TriggersPage";

function NotFound() {
  return <main className="page" id="main"><div className="card"><Empty title="There is nothing at this address"><p><Link to="/">All pipelines</Link> · <Link to="/runs">All runs</Link></p></Empty></div></main>;
}

function Broken() {
  return <main className="page" id="main"><ErrorNotice error={useRouteError()} onRetry={() => location.reload()} /></main>;
}

// The pages with a graph come when they are first opened: the layout library is a third of the whole.
export const router = createBrowserRouter([
  { path: "/sign-in", element: <GatePage />, errorElement: <Broken /> },
  // The address that the server prints with the first owner's code.
  { path: "/setup", element: <GatePage />, errorElement: <Broken /> },
  {
    element: <Shell />,
    errorElement: <Broken />,
    hydrateFallbackElement: <Loading what="Penstock" />,
    children: [
      { index: true, element: <PipelinesPage /> },
      { path: "pipelines/:slug", lazy: async () => ({ Component: (await import("./PipelinePage")).PipelinePage }) },
      { path: "triggers", element: <TriggersPage /> },
      { path: "triggers/:id", element: <TriggerPage /> },
      { path: "runs", element: <RunsPage /> },
      { path: "runs/:id", lazy: async () => ({ Component: (await import("./RunPage")).RunPage }) },
      { path: "backfills", lazy: async () => ({ Component: (await import("./BackfillsPage")).BackfillsPage }) },
      { path: "backfills/:id", lazy: async () => ({ Component: (await import("./BackfillPage")).BackfillPage }) },
      { path: "cluster", lazy: async () => ({ Component: (await import("./ClusterPage")).ClusterPage }) },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
