import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router";
import { queries } from "@/api/live";
import { applyTheme, readTheme } from "@/components/theme";
import { router } from "@/routes/router";
import "@/styles/tokens.css";
import "@/styles/base.css";
import "@/styles/shell.css";
import "@/styles/graph.css";
import "@/styles/run.css";
import "@/styles/triggers.css";
import "@/styles/cluster.css";
import "@/styles/backfills.css";

applyTheme(readTheme());
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
