import type { ApiProblem } from './types.ts';

/** Everything that can go wrong with a request, in the words the API used. Status 0: no answer arrived. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;

  constructor(body: Partial<ApiProblem> & { status: number }) {
    super(body.detail ?? body.title ?? `The API answered ${body.status}.`);
    this.name = 'Problem';
    this.status = body.status;
    this.code = body.code;
    this.hint = body.hint ?? undefined;
    this.requestId = body.requestId ?? undefined;
  }
}

export function unreachable(): Problem {
  return new Problem({
    status: 0,
    detail: 'Sendry did not answer.',
    hint: 'Check that the server is running and reachable. This page keeps trying by itself.',
  });
}

/** A proxy in between may answer with HTML or nothing; the status is then all there is to say. */
export function problemFrom(response: Response, body: unknown): Problem {
  const fields = typeof body === 'object' && body !== null ? (body as Partial<ApiProblem>) : {};
  const header = response.headers.get('x-request-id');
  return new Problem({ ...(header ? { requestId: header } : {}), ...fields, status: response.status });
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : unreachable();
}
