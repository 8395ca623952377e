import { act, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { createBackend } from '../mocks/backend.ts';
import { NOON, renderApp } from './render-app.tsx';

const sortsAsked = (urls: URL[]) =>
  urls.filter((url) => url.pathname.endsWith('/endpoints')).map((url) => url.searchParams.get('sort'));

test('shows figures, charts as tables, endpoints and the ledger', async () => {
  renderApp();
  const endpoints = await screen.findByRole('table', { name: 'Endpoints' });
  expect(within(endpoints).getAllByRole('row').length).toBeGreaterThan(20);
  expect(screen.getByRole('table', { name: 'Requests over time by status class' })).toBeInTheDocument();
  expect(screen.getByText('closes exactly')).toBeInTheDocument();
});

test('a range without requests shows dashes with the reason, not zeros', async () => {
  const [from, to] = [NOON - 400 * 86_400_000, NOON - 399 * 86_400_000];
  renderApp({ path: `/?from=${from}&to=${to}` });
  const figures = screen.getByRole('region', { name: 'Key figures' });
  expect(await within(figures).findAllByTitle('no requests in this range')).toHaveLength(6);
});

test('sorting asks the API and is kept in the address', async () => {
  const { backend, user } = renderApp();
  const table = within(await screen.findByRole('table', { name: 'Endpoints' }));
  const header = table.getByRole('columnheader', { name: 'p95' });
  await user.click(within(header).getByRole('button'));
  await waitFor(() => expect(sortsAsked(backend.requests.map((one) => one.url))).toContain('p95'));
  expect(window.location.search).toBe('?sort=p95');
  expect(header).toHaveAttribute('aria-sort', 'descending');
});

test('the filter narrows the rows and says how many', async () => {
  const { user } = renderApp();
  await screen.findByText('/search');
  await user.type(screen.getByRole('searchbox', { name: 'Filter endpoints' }), 'post orders');
  expect(screen.queryByText('/search')).not.toBeInTheDocument();
  expect(screen.getByText('/orders')).toBeInTheDocument();
  expect(window.location.search).toBe('?filter=post+orders');
});

test('choosing a service narrows every reading; choosing it again widens them', async () => {
  const { backend, user } = renderApp();
  const panel = await screen.findByRole('region', { name: 'Services' });
  await user.click(await within(panel).findByRole('button', { name: /payments/ }));
  expect(window.location.search).toBe('?service=payments');
  await waitFor(() => {
    const narrowed = backend.requests.filter((one) => one.url.searchParams.get('service') === 'payments');
    expect(new Set(narrowed.map((one) => one.url.pathname.split('/').at(-1)))).toEqual(
      new Set(['summary', 'timeseries', 'endpoints', 'status-codes']),
    );
  });
  await user.click(within(panel).getByRole('button', { name: /payments/ }));
  expect(window.location.search).toBe('');
});

test('a range is asked for in the words of the API', async () => {
  const { backend, user } = renderApp({ path: '/?tz=utc' });
  await user.click(await screen.findByRole('radio', { name: '12 mo' }));
  await waitFor(() => {
    const asked = backend.requests.map(({ url }) => url.searchParams);
    expect(
      asked.some(
        (one) => one.get('from') === 'now-365d' && one.get('to') === 'now' && one.get('tz') === 'UTC',
      ),
    ).toBe(true);
  });
});

test('a zoom can be reset', async () => {
  const { user } = renderApp({ path: `/?range=6h&from=${NOON - 3_600_000}&to=${NOON}` });
  await user.click(await screen.findByRole('button', { name: /Reset zoom/ }));
  expect(window.location.search).toBe('?range=6h');
});

test('an outage keeps the last good figures and says what happened', async () => {
  const { backend, client, user } = renderApp();
  await screen.findByText('/search');
  backend.outage = {
    status: 503,
    detail: 'The store is away.',
    hint: 'It restarts by itself.',
    requestId: 'req_7',
  };
  await act(() => client.refetchQueries());
  const notice = await screen.findByRole('alert');
  expect(notice).toHaveTextContent('The store is away.');
  expect(notice).toHaveTextContent('It restarts by itself.');
  expect(notice).toHaveTextContent('req_7');
  expect(screen.getByText('/search')).toBeInTheDocument();
  expect(screen.getByText('Reconnecting')).toBeInTheDocument();

  backend.outage = null;
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  await waitFor(() => expect(screen.queryByRole('alert')).not.toBeInTheDocument());
});

test('the first event opens the dashboard by itself', async () => {
  const backend = createBackend({ counted: 0, now: () => NOON });
  renderApp({ backend });
  expect(await screen.findByText('Waiting for your first event…')).toBeInTheDocument();
  expect(screen.getByText(/X-API-Key/)).toHaveTextContent('http://localhost:3000/api/v1/events');
  backend.counted = 1;
  expect(await screen.findByText('/search', {}, { timeout: 4_000 })).toBeInTheDocument();
  expect(screen.queryByText('Waiting for your first event…')).not.toBeInTheDocument();
});

test('a refused page asks for the token, and sends it', async () => {
  const backend = createBackend({ now: () => NOON });
  backend.token = 'secret';
  const { user } = renderApp({ backend });
  await user.type(await screen.findByLabelText('Token'), 'wrong{Enter}');
  expect(await screen.findByText(/was not accepted/)).toBeInTheDocument();
  await user.clear(screen.getByLabelText('Token'));
  await user.type(screen.getByLabelText('Token'), 'secret{Enter}');
  expect(await screen.findByText('/search')).toBeInTheDocument();
});

test('updates can be paused, and the theme is remembered', async () => {
  const { user } = renderApp();
  await user.click(await screen.findByRole('button', { name: /Pause updates/ }));
  expect(window.location.search).toBe('?live=off');
  await user.click(screen.getByRole('radio', { name: 'Dark theme' }));
  expect(document.documentElement.dataset.theme).toBe('dark');
  expect(localStorage.getItem('sendry.theme')).toBe('dark');
  await user.click(screen.getByRole('radio', { name: 'System theme' }));
  expect(document.documentElement.dataset.theme).toBeUndefined();
});
