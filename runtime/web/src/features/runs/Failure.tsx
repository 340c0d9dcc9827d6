import type { Failure } from "@/api/types";
import { Icon } from "@/components/Icon";
import { StatusIcon } from "@/components/StatusIcon";
import type { TestTally } from "./blocks";

/** Why a block failed, with its traceback. */
export function FailureNotice({ error }: { error: Failure }) {
  const title = [error.type, error.message].filter(Boolean).join(": ");
  return (
    <div className="notice" data-tone="failed">
      <Icon name="warning" />
      <div className="grow">
        <strong className="failure-title">{title || "The block failed"}</strong>
        {error.traceback ? <pre tabIndex={0} aria-label="Traceback">{error.traceback}</pre> : null}
      </div>
    </div>
  );
}

export function TestList({ tests }: { tests: readonly TestTally[] }) {
  return (
    <ul className="tests" aria-label="Tests of this block">
      {tests.map((test) => (
        <li key={test.name} className="row">
          <StatusIcon status={test.passed === test.total ? "succeeded" : "failed"} title={test.passed === test.total ? "passed" : "failed"} />
          <span className="mono test-name">{test.name}</span>
          {test.total > 1 ? <span className="num muted small">{test.passed}/{test.total}</span> : null}
          {test.message ? <span className="muted small">{test.message}</span> : null}
        </li>
      ))}
    </ul>
  );
}
