import createClient, { type Middleware } from 'openapi-fetch';
import { pageBase } from '../lib/page-base.ts';
import type { paths } from './__generated__/schema.ts';
import { problemFrom, unreachable } from './problem.ts';
import { readToken } from './token.ts';

const authorization: Middleware = {
  onRequest({ request }) {
    const token = readToken();
    if (token) request.headers.set('authorization', `Bearer ${token}`);
    return request;
  },
  // A cancelled request is not a failure: the query library must see it as it is.
  onError({ error }) {
    return error instanceof DOMException && error.name === 'AbortError' ? undefined : unreachable();
  },
};

export const api = createClient<paths>({
  baseUrl: pageBase(),
  // Looked up on every call, so that tests can put their own in place.
  fetch: (request) => globalThis.fetch(request),
});
api.use(authorization);

/** Turns openapi-fetch's two-sided answer into a value or a thrown Problem. */
export async function unwrap<Body>(
  call: Promise<{ data?: Body; error?: unknown; response: Response }>,
): Promise<Body> {
  const { data, error, response } = await call;
  if (!response.ok || data === undefined) throw problemFrom(response, error);
  return data;
}
