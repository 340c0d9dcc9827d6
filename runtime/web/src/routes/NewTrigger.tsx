import { TriggerDialog } from "@/features/triggers/TriggerDialog";

interface NewTriggerProps {
  pipelines: readonly string[];
  onClose: () => void;
  /** Where the new one is, and its token: the page there shows it once. */
  onMade: (address: string, token: string | null) => void;
}

export function NewTrigger({ pipelines, onClose, onMade }: NewTriggerProps) {
  return <TriggerDialog trigger={null} pipelines={pipelines} onClose={onClose} onSaved={(saved) => onMade(`/triggers/${saved.id}`, "token" in saved ? saved.token : null)} />;
}
