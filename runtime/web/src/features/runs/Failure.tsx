import type { BlockTest, Failure } from "@/api/types";
import { Icon } from "@/components/Icon";
import { StatusIcon } from "@/components/StatusIcon";

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

export function TestList({ tests }: { tests: readonly BlockTest[] }) {
  return (
    <ul className="tests" aria-label="Tests of this block">
      {tests.map((test, at) => (
        <li key={`${test.name}/${at}`} className="row">
          <StatusIcon status={test.passed ? "succeeded" : "failed"} title={test.passed ? "passed" : "failed"} />
          <span className="mono">{test.name}</span>
          {test.message ? <span className="muted small">{test.message}</span> : null}
        </li>
      ))}
    </ul>
  );
}
