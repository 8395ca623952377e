import { memo } from 'react';
import { bucketName, type Zone } from '../lib/time.ts';
import type { Buckets, Chart } from './series.ts';

/** Enough for every automatic step; a longer table would help no one who listens to it. */
const MOST_ROWS = 200;

/** What the canvas draws, for those who do not see it. Memoised: it is large and often unchanged. */
export const ChartTable = memo(function ChartTable(props: { chart: Chart; buckets: Buckets; zone: Zone }) {
  const { chart, buckets, zone } = props;
  const first = Math.max(0, buckets.t.length - MOST_ROWS);
  return (
    // A table ignores the clipping that hides it visually; a block around it does not.
    <div className="sr-only">
      <table>
        <caption>
          {chart.label}
          {first > 0 && `; the last ${MOST_ROWS} of ${buckets.t.length} intervals`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {chart.series.map((series) => (
              <th key={series.id} scope="col">
                {series.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {buckets.t.slice(first).map((at, index) => (
            <tr key={at}>
              <th scope="row">{bucketName(at, buckets.step, zone)}</th>
              {chart.series.map((series) => (
                <td key={series.id}>{chart.as(series.values[first + index] ?? null)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
});
