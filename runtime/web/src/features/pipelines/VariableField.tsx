import { Field } from "@/components/Field";
import { parseEntry, type VariableEntry } from "./variables";

interface VariableFieldProps {
  entry: VariableEntry;
  onChange: (entry: VariableEntry) => void;
  showProblem: boolean;
}

export function VariableField({ entry, onChange, showProblem }: VariableFieldProps) {
  const parsed = parseEntry(entry);
  const problem = showProblem && "problem" in parsed ? parsed.problem : undefined;
  const set = (text: string) => onChange({ ...entry, text });
  if (entry.kind === "boolean") {
    return (
      <label className="check">
        <input type="checkbox" checked={entry.text === "true"} onChange={(event) => set(String(event.target.checked))} />
        <span className="mono">{entry.name}</span>
      </label>
    );
  }
  return (
    <Field label={<span className="mono">{entry.name}</span>} problem={problem}>
      {(bound) => entry.kind === "json" || entry.text.includes("\n")
        ? <textarea {...bound} rows={Math.min(8, entry.text.split("\n").length + 1)} value={entry.text} onChange={(event) => set(event.target.value)} spellCheck={false} />
        : <input {...bound} value={entry.text} inputMode={entry.kind === "number" ? "decimal" : "text"} onChange={(event) => set(event.target.value)} autoComplete="off" spellCheck={false} />}
    </Field>
  );
}
