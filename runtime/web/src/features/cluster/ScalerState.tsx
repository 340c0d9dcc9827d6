import type { Scaler } from "@/api/types";
import { Icon } from "@/components/Icon";
import { Ago } from "@/components/Time";
import { delayWords, sentence } from "./decisions";

/** What the scaler wants at present, and why; said first when it sets nothing. */
export function ScalerState({ scaler }: { scaler: Scaler }) {
  const warning = warningOf(scaler);
  return (
    <div className="scaler-state">
      {warning ? <div className="notice" data-tone="waiting" role="note"><Icon name="info" /><span>{warning}</span></div> : null}
      <div className="scaler-now">
        <p className="scaler-count num">
          {scaler.actual}{scaler.wanted === scaler.actual ? null : <span className="muted"> → {scaler.wanted}</span>}
          <span className="figure-note">{scaler.actual === 1 ? "scheduler" : "schedulers"}, between {scaler.min ?? "–"} and {scaler.max ?? "–"}</span>
        </p>
        <p>{sentence(scaler.reason)}</p>
        <p className="small muted">
          Predicted start delay {delayWords(scaler.predicted_delay_seconds)}, to be kept within {delayWords(scaler.delay_seconds)} · decided <Ago at={scaler.decided_at} />
        </p>
      </div>
    </div>
  );
}

function warningOf(scaler: Scaler): string | null {
  if (!scaler.deciding) return "No process looks at the load at present: the number of schedulers stays as it is.";
  if (scaler.target_supported === false) return `This release cannot set the number of ${scaler.target ?? "this service"}. What would be set is shown, and nothing is.`;
  return scaler.dry_run ? "Dry run: decisions are shown, and nothing is set (PENSTOCK_SCALER_DRY_RUN)." : null;
}
