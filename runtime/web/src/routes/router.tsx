import { createBrowserRouter, Link, useRouteError } from "react-router";
import { Empty, ErrorNotice } from "@/components/States";
import { GatePage } from "./GatePage";
import { PipelinePage } from "./PipelinePage";
import { PipelinesPage } from "./PipelinesPage";
import { RunPage } from "./RunPage";
import { RunsPage } from "./RunsPage";
import { Shell } from "./Shell";

function NotFound() {
  return <main className="page" id="main"><div className="card"><Empty title="There is nothing at this address"><p><Link to="/">All pipelines</Link> · <Link to="/runs">All runs</Link></p></Empty></div></main>;
}

function Broken() {
  return <main className="page" id="main"><ErrorNotice error={useRouteError()} onRetry={() => location.reload()} /></main>;
}

export const router = createBrowserRouter([
  { path: "/sign-in", element: <GatePage />, errorElement: <Broken /> },
  {
    element: <Shell />,
    errorElement: <Broken />,
    children: [
      { index: true, element: <PipelinesPage /> },
      { path: "pipelines/:slug", element: <PipelinePage /> },
      { path: "runs", element: <RunsPage /> },
      { path: "runs/:id", element: <RunPage /> },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
