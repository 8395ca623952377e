import type { Endpoint } from '../api/types.ts';
import { compact, duration, full, latency, percent } from '../lib/format.ts';
import { MethodBadge } from '../ui/method-badge.tsx';
import { ShareBar } from '../ui/share-bar.tsx';
import { Sparkline } from '../ui/sparkline.tsx';
import { Value } from '../ui/value.tsx';
import { wholeBuckets } from './whole-buckets.ts';

/** From here on an error rate is written in the colour of trouble. */
const TROUBLE = 0.01;

const NUMBER = 'px-1.5 py-2 md:px-3 text-right whitespace-nowrap';

type Props = { row: Endpoint; completeThrough: number };

export function EndpointRow({ row, completeThrough }: Props) {
  const trouble = (row.errorRate ?? 0) >= TROUBLE;
  const where = row.environment ? `${row.service} · ${row.environment}` : row.service;
  return (
    <tr className="border-b border-line last:border-0 hover:bg-hover">
      <th scope="row" className="max-w-0 py-2 pr-2 pl-4 text-left md:pl-5 font-normal">
        <span className="flex items-center gap-2.5">
          <span className="contents max-md:hidden">
            <MethodBadge method={row.method} />
          </span>
          <span className="max-w-full min-w-0">
            <span
              className="block font-mono text-[0.8125rem] max-md:text-xs max-md:[overflow-wrap:anywhere] md:truncate"
              title={row.endpoint}
            >
              {row.endpoint}
            </span>
            <span className="mt-0.5 block truncate text-xs text-muted lg:hidden">
              <span className="font-mono md:hidden">{row.method} · </span>
              {row.service}
            </span>
          </span>
        </span>
      </th>
      <td className="max-w-36 truncate px-3 py-2 text-muted max-lg:hidden" title={where}>
        {row.service}
      </td>
      <td className={NUMBER}>
        <span className="flex items-center justify-end gap-3">
          <span className="w-14 max-md:hidden">
            <ShareBar share={row.share} />
          </span>
          <span
            className="md:min-w-11"
            title={`${full(row.requests)} requests, ${percent(row.share)} of all`}
          >
            {compact(row.requests)}
          </span>
        </span>
      </td>
      <td className={NUMBER}>
        <Value
          of={row.errorRate}
          as={percent}
          title={`${full(row.errors)} of ${full(row.requests)} requests`}
          className={trouble ? 'font-medium text-bad' : row.errors === 0 ? 'text-faint' : ''}
        />
      </td>
      <td className={`${NUMBER} max-md:hidden`}>
        <Value of={row.p50Ms} as={latency} title={`${row.p50Ms} ms`} />
      </td>
      <td className={`${NUMBER} max-md:pr-4`}>
        <Value of={row.p95Ms} as={latency} title={`${row.p95Ms} ms`} />
      </td>
      <td className={`${NUMBER} max-md:hidden`}>
        <Value of={row.p99Ms} as={latency} title={`${row.p99Ms} ms`} />
      </td>
      <td className={`${NUMBER} max-md:hidden`}>
        <Value of={row.impactMs} as={duration} title="time callers spent waiting" />
      </td>
      <td className="py-1.5 pr-5 pl-2 max-lg:hidden">
        <span className="flex justify-end">
          <Sparkline values={wholeBuckets(row.spark, completeThrough)} />
        </span>
      </td>
    </tr>
  );
}
