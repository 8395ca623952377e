import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { queryDefaults } from '../api/query-defaults.ts';
import { type Backend, createBackend } from '../mocks/backend.ts';
import { handlersFor } from '../mocks/handlers.ts';
import { App } from '../shell/app.tsx';
import { server } from './server.ts';

/** A Monday noon: every test sees the same shop. */
export const NOON = Date.UTC(2026, 10, 23, 12);

type Options = { path?: string; backend?: Backend };

/** The whole page against the invented shop, as a person would meet it. */
export function renderApp({ path = '/', backend = createBackend({ now: () => NOON }) }: Options = {}) {
  server.use(...handlersFor(backend));
  window.history.replaceState(null, '', path);
  const client = new QueryClient({ defaultOptions: queryDefaults });
  const page = render(
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>,
  );
  return { backend, client, user: userEvent.setup(), ...page };
}
