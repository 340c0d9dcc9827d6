import { Button } from "@/components/Button";
import { lookOf } from "@/components/status";

export interface Filters {
  pipeline: string;
  status: string;
  from: string;
  to: string;
}

export const NO_FILTERS: Filters = { pipeline: "", status: "", from: "", to: "" };
const STATUSES = ["queued", "running", "succeeded", "failed", "cancelled"];

export function readFilters(search: URLSearchParams): Filters {
  const entries = Object.keys(NO_FILTERS).map((key) => [key, search.get(key) ?? ""]);
  return { ...NO_FILTERS, ...(Object.fromEntries(entries) as Partial<Filters>) };
}

interface RunFiltersProps {
  value: Filters;
  pipelines: readonly string[];
  onChange: (value: Filters) => void;
}

export function RunFilters({ value, pipelines, onChange }: RunFiltersProps) {
  const set = (key: keyof Filters) => (event: { target: { value: string } }) => onChange({ ...value, [key]: event.target.value });
  const filtered = Object.values(value).some(Boolean);
  return (
    <form className="filters" role="search" aria-label="Filter runs" onSubmit={(event) => event.preventDefault()}>
      <label><span>Pipeline</span>
        <select className="input" value={value.pipeline} onChange={set("pipeline")}>
          <option value="">All</option>
          {pipelines.map((slug) => <option key={slug}>{slug}</option>)}
        </select>
      </label>
      <label><span>Status</span>
        <select className="input" value={value.status} onChange={set("status")}>
          <option value="">All</option>
          {STATUSES.map((status) => <option key={status} value={status}>{lookOf(status).label}</option>)}
        </select>
      </label>
      <label><span>From</span><input className="input" type="datetime-local" value={value.from} onChange={set("from")} /></label>
      <label><span>To</span><input className="input" type="datetime-local" value={value.to} onChange={set("to")} /></label>
      {filtered ? <Button kind="quiet" icon="close" onClick={() => onChange(NO_FILTERS)}>Clear</Button> : null}
    </form>
  );
}
