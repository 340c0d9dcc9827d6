import { useEffect } from "react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, Navigate, NavLink, Outlet, useLocation } from "react-router";
import { whenSignedOut } from "@/api/client";
import { events, queries, useIsLive } from "@/api/live";
import { sessionQuery, signOut } from "@/api/session";
import type { Session } from "@/api/types";
import { Button } from "@/components/Button";
import { BrandMark } from "@/components/Icon";
import { ErrorNotice, Loading } from "@/components/States";
import { ThemeToggle } from "@/components/ThemeToggle";
import { AccountMenu } from "./AccountMenu";

whenSignedOut(() => void queries.invalidateQueries({ queryKey: ["session"] }));

/** The frame of every page behind the sign-in. */
export function Shell() {
  const session = useQuery(sessionQuery);
  const at = useLocation();
  if (session.isPending) return <Loading what="Penstock" />;
  if (session.data === undefined) return <main className="gate"><div className="gate-card"><ErrorNotice error={session.error} onRetry={() => void session.refetch()} /></div></main>;
  if (session.data === null) return <Navigate to="/sign-in" replace state={{ next: at.pathname + at.search }} />;
  return <SignedIn session={session.data} />;
}

function SignedIn({ session }: { session: Session }) {
  const { pathname } = useLocation();
  useEffect(() => {
    events.start();
    return () => events.stop();
  }, []);
  // On a phone the links scroll: the one of this page comes into sight.
  useEffect(() => {
    // Newer browsers answer with a promise, which an effect must not return.
    document.querySelector(".topbar nav [aria-current='page']")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => { queries.clear(); location.assign("/sign-in"); } });
  return (
    <div className="shell">
      <a className="skip" href="#main">Skip to content</a>
      <div className="topbar">
        <Link to="/" className="brand" aria-label="Penstock, first page"><BrandMark /><span>Penstock</span></Link>
        <nav aria-label="Main">
          <Link to="/" aria-current={pathname === "/" || pathname.startsWith("/pipelines/") ? "page" : undefined}>Pipelines</Link>
          <NavLink to="/runs">Runs</NavLink>
          <NavLink to="/backfills">Backfills</NavLink>
          <NavLink to="/triggers">Triggers</NavLink>
          <NavLink to="/cluster">Cluster</NavLink>
        </nav>
        <span className="grow" />
        <Live />
        <ThemeToggle />
        <AccountMenu session={session}>
          {session.auth_mode === "none" ? <p className="small muted who">Nobody signs in on this machine.</p>
            : <Button kind="quiet" disabled={leave.isPending} onClick={() => leave.mutate()}>Sign out</Button>}
        </AccountMenu>
      </div>
      <Outlet />
    </div>
  );
}

function Live() {
  const live = useIsLive();
  return (
    <span className="live" data-tone={live ? "succeeded" : "waiting"} role="status"
      title={live ? "Changes appear as they happen." : "The live connection is down: the page asks every two seconds, and connects again by itself."}>
      {live ? "Live" : "Polling"}
    </span>
  );
}
