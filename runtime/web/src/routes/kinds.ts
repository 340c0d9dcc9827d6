const KINDS: Record<string, string> = {
  data_loader: "Data loader",
  transformer: "Transformer",
  data_exporter: "Data exporter",
  sensor: "Sensor",
  custom: "Custom",
  conditional: "Conditional",
  callback: "Callback",
  pipeline: "Pipeline",
};

export function kindName(type: string): string {
  return KINDS[type] ?? type;
}
