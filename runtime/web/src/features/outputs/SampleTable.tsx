import { cellText, isNumeric, type Table } from "./table";

export function SampleTable({ table }: { table: Table }) {
  const numeric = table.columns.map((_, at) => isNumeric(table, at));
  return (
    <div className="sample" tabIndex={0} role="region" aria-label="Sample of rows">
      <table className="grid" data-dense>
        <thead>
          <tr>
            <th scope="col" className="end" aria-label="Row" />
            {table.columns.map((column, at) => (
              <th key={column.name} scope="col" className={numeric[at] ? "end" : undefined}>{column.name}<span className="sample-type">{column.type}</span></th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, number) => (
            <tr key={number}>
              <td className="end num sample-row">{number}</td>
              {row.map((value, at) => (
                <td key={table.columns[at]?.name ?? at} className={numeric[at] ? "end num" : undefined}>
                  {value == null ? <span className="sample-null">null</span> : cellText(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
