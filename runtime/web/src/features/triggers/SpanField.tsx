import { Field } from "@/components/Field";
import { type Span, type Unit, UNIT_SECONDS } from "./form";

interface SpanFieldProps {
  label: string;
  value: Span;
  hint?: string;
  problem?: string | undefined;
  onChange: (value: Span) => void;
}

/** A length of time: an amount and its unit. */
export function SpanField({ label, value, hint, problem, onChange }: SpanFieldProps) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(bound) => (
        <div className="span-field">
          <input {...bound} inputMode="decimal" value={value.amount} onChange={(event) => onChange({ ...value, amount: event.target.value })} autoComplete="off" />
          <select className="input" aria-label={`Unit of ${label.toLowerCase()}`} value={value.unit} onChange={(event) => onChange({ ...value, unit: event.target.value as Unit })}>
            {Object.keys(UNIT_SECONDS).map((unit) => <option key={unit}>{unit}</option>)}
          </select>
        </div>
      )}
    </Field>
  );
}
