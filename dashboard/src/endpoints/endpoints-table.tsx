import type { Endpoint, EndpointSort } from '../api/types.ts';
import { EndpointRow } from './endpoint-row.tsx';

type Column = { name: string; title?: string; sort?: EndpointSort; className: string };

/** Columns that a phone has no room for are hidden there; the row is the same. */
const COLUMNS: Column[] = [
  { name: 'Endpoint', className: 'w-full text-left' },
  { name: 'Service', className: 'text-left max-lg:hidden' },
  { name: 'Requests', sort: 'requests', className: 'text-right' },
  { name: 'Errors', sort: 'errors', title: 'Responses with status 500 and above', className: 'text-right' },
  { name: 'p50', className: 'text-right max-md:hidden' },
  { name: 'p95', sort: 'p95', className: 'text-right max-md:pr-4' },
  { name: 'p99', className: 'text-right max-md:hidden' },
  {
    name: 'Impact',
    sort: 'impact',
    title: 'Requests × average latency: the time callers spent waiting',
    className: 'text-right max-md:hidden',
  },
  { name: 'Trend', title: 'Requests over the range', className: 'text-right max-lg:hidden' },
];

type Props = {
  rows: readonly Endpoint[];
  /** Epoch milliseconds up to which everything is counted. */
  completeThrough: number;
  filtered: boolean;
  sort: EndpointSort;
  onSort: (sort: EndpointSort) => void;
};

export function EndpointsTable({ rows, completeThrough, filtered, sort, onSort }: Props) {
  return (
    <table aria-label="Endpoints" className="w-full border-t border-line text-sm">
      <thead>
        <tr className="border-b border-line text-xs text-muted">
          {COLUMNS.map((column) => (
            <HeaderCell key={column.name} column={column} sort={sort} onSort={onSort} />
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <EndpointRow
            key={`${row.service} ${row.environment} ${row.method} ${row.endpoint}`}
            row={row}
            completeThrough={completeThrough}
          />
        ))}
        {rows.length === 0 && (
          <tr>
            <td colSpan={COLUMNS.length} className="px-5 py-10 text-center text-muted">
              {filtered ? 'No endpoint matches the filter.' : 'No requests in this range.'}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

type HeaderProps = { column: Column; sort: EndpointSort; onSort: Props['onSort'] };

function HeaderCell({ column: { name, title, sort: own, className }, sort, onSort }: HeaderProps) {
  const shape = `px-1.5 py-2 font-medium whitespace-nowrap first:pl-4 last:pr-5 md:px-3 md:first:pl-5 ${className}`;
  if (!own) {
    return (
      <th scope="col" className={shape} title={title}>
        {name}
      </th>
    );
  }
  const active = own === sort;
  return (
    <th scope="col" className={shape} aria-sort={active ? 'descending' : 'none'}>
      <button
        type="button"
        title={title ?? `Sort by ${name}, largest first`}
        onClick={() => onSort(own)}
        className={`-mx-1 inline-flex items-center gap-1 rounded px-1 py-0.5 transition-colors hover:text-ink ${active ? 'text-ink' : ''}`}
      >
        <svg
          viewBox="0 0 10 10"
          className={`size-2 fill-current ${active ? '' : 'opacity-30'}`}
          aria-hidden="true"
        >
          <path d="M1 3h8L5 8z" />
        </svg>
        {name}
      </button>
    </th>
  );
}
