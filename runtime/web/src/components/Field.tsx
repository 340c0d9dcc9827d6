import { type ReactNode, useId } from "react";

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  problem?: string | undefined;
  children: (bound: { id: string; "aria-describedby": string; "aria-invalid": boolean; className: string }) => ReactNode;
}

/** A labelled control with its hint and its problem tied to it. */
export function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-more`, "aria-invalid": Boolean(problem), className: "input" })}
      <div id={`${id}-more`}>
        {problem ? <span className="problem" role="alert">{problem}</span> : hint ? <span className="hint">{hint}</span> : null}
      </div>
    </div>
  );
}
