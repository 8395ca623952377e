import { queryOptions } from '@tanstack/react-query';
import { api, unwrap } from './client.ts';

export function ledgerQuery(tenant: string) {
  const query = { tenant };
  return queryOptions({
    queryKey: ['ledger', tenant] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/pipeline/ledger', { params: { query }, signal })),
  });
}

export function deadLettersQuery(tenant: string) {
  const query = { tenant, state: 'open', limit: 50 } as const;
  return queryOptions({
    queryKey: ['dead-letters', tenant] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/dead-letters', { params: { query }, signal })),
  });
}

export function deadLetterQuery(tenant: string, id: string) {
  const params = { query: { tenant }, path: { id } };
  return queryOptions({
    queryKey: ['dead-letter', tenant, id] as const,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/dead-letters/{id}', { params, signal })),
    // What was stored never changes.
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function replayDeadLetter(tenant: string, id: string) {
  const params = { query: { tenant }, path: { id } };
  return unwrap(api.POST('/api/v1/dead-letters/{id}/replay', { params }));
}

export function discardDeadLetter(tenant: string, id: string, reason: string) {
  const params = { query: { tenant }, path: { id } };
  return unwrap(api.POST('/api/v1/dead-letters/{id}/discard', { params, body: { reason } }));
}
