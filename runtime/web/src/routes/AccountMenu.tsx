import { type FocusEvent, type ReactNode, useRef, useState } from "react";
import type { Session } from "@/api/types";

/** Who is signed in, and what they can do about it. Closes on Escape and when focus leaves. */
export function AccountMenu({ session, children }: { session: Session; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  function onBlur(event: FocusEvent<HTMLDivElement>) {
    if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false);
  }
  return (
    <div className="menu" onBlur={onBlur} onKeyDown={(event) => { if (event.key === "Escape") { setOpen(false); button.current?.focus(); } }}>
      <button ref={button} type="button" className="button" data-kind="quiet" aria-expanded={open} aria-label={`Account of ${session.name}`} onClick={() => setOpen(!open)}>
        <span className="avatar" aria-hidden="true">{session.name.slice(0, 1).toUpperCase()}</span>
      </button>
      {open ? (
        <div className="menu-list">
          <div className="who"><strong>{session.name}</strong><div className="muted small">{session.role} · Penstock {session.version}</div></div>
          {children}
        </div>
      ) : null}
    </div>
  );
}
