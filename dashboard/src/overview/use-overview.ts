import { useQuery } from '@tanstack/react-query';
import { deadLettersQuery, ledgerQuery } from '../api/pipeline-queries.ts';
import { asProblem, type Problem } from '../api/problem.ts';
import {
  endpointsQuery,
  servicesQuery,
  statusCodesQuery,
  summaryQuery,
  timeseriesQuery,
} from '../api/queries.ts';
import { RANGES, ZOOM_REFETCH_MS } from '../lib/ranges.ts';
import type { View } from '../state/view.ts';

const FIRST_RUN_MS = 1_000;
const LEDGER_MS = 5_000;

/** How often the numbers are worth asking for. TanStack Query itself stops while the tab is hidden. */
export function refetchMs(view: View): number | false {
  if (view.paused) return false;
  return view.zoom ? ZOOM_REFETCH_MS : RANGES[view.range].refetchMs;
}

/** Everything the page reads. One place, so that "is anything failing?" has one answer. */
export function useOverview(view: View) {
  const ledger = useQuery({
    ...ledgerQuery(view.tenant),
    refetchInterval: ({ state }) => {
      if (state.data?.data.received === 0) return FIRST_RUN_MS;
      return view.paused ? false : LEDGER_MS;
    },
  });
  const isFirstRun = ledger.data?.data.received === 0;
  const openLetters = ledger.data?.data.deadLetters.open ?? 0;

  const live = { enabled: !isFirstRun, refetchInterval: refetchMs(view) };
  const summary = useQuery({ ...summaryQuery(view), ...live });
  const timeseries = useQuery({ ...timeseriesQuery(view), ...live });
  const endpoints = useQuery({ ...endpointsQuery(view, view.sort), ...live });
  const statusCodes = useQuery({ ...statusCodesQuery(view), ...live });
  const services = useQuery({ ...servicesQuery(view), ...live });
  const deadLetters = useQuery({
    ...deadLettersQuery(view.tenant),
    enabled: openLetters > 0,
    refetchInterval: view.paused ? false : LEDGER_MS,
  });

  const all = [ledger, summary, timeseries, endpoints, statusCodes, services, deadLetters];
  const problems = all.flatMap((query) => (query.error ? [asProblem(query.error)] : []));
  return {
    ledger,
    summary,
    timeseries,
    endpoints,
    statusCodes,
    services,
    deadLetters,
    isFirstRun,
    openLetters,
    problem: firstProblem(problems),
    lastGood: Math.max(...all.map((query) => query.dataUpdatedAt)),
    retry: () => {
      for (const query of all) if (query.error) void query.refetch();
    },
  };
}

/** A missing token explains every other refusal, so it comes first. */
function firstProblem(problems: Problem[]): Problem | null {
  return problems.find((problem) => problem.status === 401) ?? problems[0] ?? null;
}
