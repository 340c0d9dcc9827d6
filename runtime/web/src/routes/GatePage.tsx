import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation, useNavigate } from "react-router";
import { queries } from "@/api/live";
import { sessionQuery, setupQuery } from "@/api/session";
import { BrandMark } from "@/components/Icon";
import { ErrorNotice, Loading } from "@/components/States";
import { SetupForm } from "@/features/session/SetupForm";
import { SignInForm } from "@/features/session/SignInForm";
import { safeNext } from "./next";
import { useTitle } from "./title";

/** Sign in; or, while there is no user, make the first owner. */
export function GatePage() {
  const session = useQuery(sessionQuery);
  const setup = useQuery(setupQuery);
  const navigate = useNavigate();
  const next = safeNext((useLocation().state as { next?: unknown } | null)?.next);
  useTitle(setup.data ? "Set up" : "Sign in");

  async function onDone() {
    await queries.invalidateQueries({ queryKey: ["session"] });
    await navigate(next, { replace: true });
  }
  if (session.data) return <Navigate to={next} replace />;
  if (setup.isPending) return <Loading what="Penstock" />;
  return (
    <main className="gate" id="main">
      <div className="card gate-card">
        <div className="brand"><BrandMark /><span>Penstock</span></div>
        {setup.error ? <ErrorNotice error={setup.error} onRetry={() => void setup.refetch()} /> : setup.data ? (
          <>
            <div><h1>Make the first owner</h1><p className="muted">Nobody can sign in yet. The owner can then invite everyone else.</p></div>
            <SetupForm onDone={() => void onDone()} />
          </>
        ) : (
          <>
            <h1>Sign in</h1>
            <SignInForm onDone={() => void onDone()} />
            <p className="muted small">No password? An admin can give you a one-time link that signs you in.</p>
          </>
        )}
      </div>
    </main>
  );
}
