import { completeThrough } from '../api/complete-through.ts';
import type { Endpoint, EndpointSort, Meta } from '../api/types.ts';
import { Icon } from '../ui/icon.tsx';
import { Panel } from '../ui/panel.tsx';
import { SkeletonRows } from '../ui/skeleton-rows.tsx';
import { EndpointsTable } from './endpoints-table.tsx';
import { matching } from './matching.ts';

type Props = {
  answer: { data: Endpoint[]; total: number; meta: Meta } | undefined;
  busy: boolean;
  sort: EndpointSort;
  filter: string;
  onSort: (sort: EndpointSort) => void;
  onFilter: (filter: string) => void;
};

export function EndpointsPanel({ answer, busy, sort, filter, onSort, onFilter }: Props) {
  const rows = answer && matching(answer.data, filter);
  const search = (
    <label className="relative flex items-center">
      <span className="sr-only">Filter endpoints</span>
      <Icon name="search" className="pointer-events-none absolute left-2.5 size-3.5 text-muted" />
      <input
        type="search"
        className="field w-48 pl-8 sm:w-56"
        placeholder="Filter endpoints"
        value={filter}
        onChange={(event) => onFilter(event.target.value)}
      />
    </label>
  );
  return (
    <Panel
      title="Endpoints"
      note={<span role="status">{answer && rows ? note(rows.length, answer, filter) : ''}</span>}
      actions={search}
      busy={busy}
    >
      {rows && answer ? (
        <EndpointsTable
          rows={rows}
          completeThrough={completeThrough(answer.meta)}
          filtered={filter !== ''}
          sort={sort}
          onSort={onSort}
        />
      ) : (
        <SkeletonRows count={10} />
      )}
    </Panel>
  );
}

/** The filter looks through the rows that were read, and says so when those are not all. */
function note(found: number, { data, total }: { data: Endpoint[]; total: number }, filter: string): string {
  const read = data.length < total ? `showing ${data.length} of ${total}` : `${total}`;
  if (!filter) return read;
  return data.length < total
    ? `${found} of the ${data.length} shown (${total} in all)`
    : `${found} of ${total}`;
}
