import type { EndpointSort, Ledger } from '../api/types.ts';
import { endpoints, meta, services, statusCodes, summary, timeseries, total } from './answers.ts';
import { deadLetters, type StoredLetter } from './dead-letters.ts';
import { grid } from './traffic.ts';
import { type Window, windowOf } from './window.ts';

export type Backend = {
  /** Tests and the mock server turn these knobs; the next request sees them. */
  counted: number;
  letters: StoredLetter[];
  token: string | null;
  residual: number;
  /** When set, every request is refused with this. */
  outage: { status: number; detail: string; hint?: string; requestId?: string } | null;
  requests: { method: string; url: URL; body: unknown }[];
  handle: (request: Request) => Promise<Response>;
};

type Options = { counted?: number; letters?: number; now?: () => number };

const json = (body: unknown) => Response.json(body);

function refuse(status: number, code: string, detail: string, more: Record<string, string> = {}): Response {
  const headers = { 'content-type': 'application/problem+json' };
  return Response.json(
    { type: 'about:blank', title: code, status, code, detail, ...more },
    { status, headers },
  );
}

/** The API of docs/API.md over an invented shop. Deterministic for a given clock. */
export function createBackend({ counted = 48_211, letters = 0, now = Date.now }: Options = {}): Backend {
  const state: Backend = {
    counted,
    letters: deadLetters(now()).slice(0, letters),
    token: null,
    residual: 0,
    outage: null,
    requests: [],
    handle,
  };
  return state;

  async function handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const text = request.method === 'POST' ? await request.text() : '';
    const body: unknown = text ? JSON.parse(text) : undefined;
    state.requests.push({ method: request.method, url, body });
    if (state.outage) {
      const { status, detail, ...more } = state.outage;
      return refuse(status, 'unavailable', detail, more);
    }
    if (state.token && request.headers.get('authorization') !== `Bearer ${state.token}`) {
      return refuse(401, 'unauthorized', 'This API needs a token.', {
        hint: 'Send Authorization: Bearer <token>.',
      });
    }
    const path = url.pathname.replace(/^.*\/api\/v1\//, '');
    if (path.startsWith('dead-letters')) return letterRoutes(path, body);
    if (path === 'tenants') return json({ data: [{ name: 'default', suspended: false }] });
    if (path === 'pipeline/ledger') return json({ data: ledger() });
    return reads(path, url.searchParams);
  }

  function reads(path: string, params: URLSearchParams): Response {
    const window = windowOf(params, now());
    const clock = state.counted === 0 ? -1 : now();
    const service = params.get('service');
    const shop = grid(window, service, clock);
    const tail = { meta: meta(window, ledger().received, now()) };
    if (path === 'summary') {
      const before = earlier(window);
      const previous = summary(total(grid(before, service, clock)), before);
      // Rates come out calmer before: the deltas have something to say.
      return json({ data: summary(total(shop), window), previous: calmer(previous), ...tail });
    }
    if (path === 'timeseries') return json({ data: timeseries(shop), ...tail });
    if (path === 'status-codes') return json({ data: statusCodes(total(shop)), ...tail });
    if (path === 'services') return json({ data: services(shop, window), ...tail });
    if (path === 'endpoints') {
      const all = endpoints(shop, window, (params.get('sort') ?? 'requests') as EndpointSort);
      return json({ data: all.slice(0, Number(params.get('limit') ?? 100)), total: all.length, ...tail });
    }
    return refuse(404, 'not_found', `There is no route ${path}.`);
  }

  function letterRoutes(path: string, body: unknown): Response {
    const [, id, action] = path.split('/');
    if (!id) return json({ data: state.letters.filter((one) => one.state === 'open'), nextCursor: null });
    const letter = state.letters.find((one) => one.id === id);
    if (!letter) return refuse(404, 'not_found', 'There is no such dead letter.');
    if (!action) return json({ data: letter });
    if (letter.state !== 'open') return refuse(409, 'not_open', 'This dead letter is not open any more.');
    if (action === 'replay') {
      if (!letter.replayable)
        return refuse(422, letter.reason, letter.message ?? '', { hint: 'Correct the event.' });
      letter.state = 'replayed';
      state.counted += 1;
    } else {
      const reason = (body as { reason?: string } | undefined)?.reason;
      if (!reason) return refuse(422, 'reason_required', 'A reason is required.');
      letter.state = 'discarded';
    }
    return json({ data: letter });
  }

  function ledger(): Ledger {
    const count = (wanted: string) => state.letters.filter((one) => one.state === wanted).length;
    const [open, discarded, replayed] = [count('open'), count('discarded'), count('replayed')];
    const duplicates = state.counted > 1000 ? 5 : 0;
    return {
      received: state.counted + duplicates + open + discarded + state.residual,
      counted: state.counted,
      duplicates,
      conflicts: 0,
      deadLetters: { open, discarded, replayed },
      rawRefused: 0,
      residual: state.residual,
      closes: state.residual === 0,
      queue: { ready: 0, unacknowledged: 0, oldestAgeMs: null },
      parked: { ready: 0 },
    };
  }
}

function earlier(window: Window): Window {
  return { ...window, from: window.from - (window.to - window.from), to: window.from };
}

function calmer<S extends ReturnType<typeof summary>>(before: S): S {
  const scale = (value: number | null, by: number) => (value === null ? null : value * by);
  return { ...before, errorRate: scale(before.errorRate, 0.6), p95Ms: scale(before.p95Ms, 1.08) };
}
