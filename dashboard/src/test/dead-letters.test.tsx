import { screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { createBackend } from '../mocks/backend.ts';
import { NOON, renderApp } from './render-app.tsx';

async function openPanel() {
  const page = renderApp({ backend: createBackend({ letters: 2, now: () => NOON }) });
  await page.user.click(await screen.findByRole('button', { name: /2 events could not be counted/ }));
  const panel = screen.getByRole('region', { name: 'Dead letters' });
  await within(panel).findByText('store_refused');
  return { ...page, panel };
}

test('each shows its reason, field, message and stored text', async () => {
  const { panel } = await openPanel();
  expect(within(panel).getByText('latencyMs')).toBeInTheDocument();
  expect(within(panel).getByText(/must be a number of milliseconds/)).toBeInTheDocument();
  expect(await within(panel).findByText(/"latencyMs": "fast"/)).toBeInTheDocument();
  expect(screen.getByText('closes exactly, 2 to decide')).toBeInTheDocument();
});

test('a replay posts, and the letter leaves the list', async () => {
  const { backend, panel, user } = await openPanel();
  const replays = within(panel).getAllByRole('button', { name: 'Replay' });
  expect(replays[1]).toBeDisabled();
  await user.click(replays[0] as HTMLElement);
  await waitFor(() => expect(within(panel).queryByText('store_refused')).not.toBeInTheDocument());
  expect(
    backend.requests.some((one) => one.method === 'POST' && one.url.pathname.endsWith('/dl_01jd0/replay')),
  ).toBe(true);
  expect(screen.getByRole('button', { name: /1 event could not be counted/ })).toBeInTheDocument();
});

test('a discard asks for a reason and sends it', async () => {
  const { backend, panel, user } = await openPanel();
  await user.click(within(panel).getAllByRole('button', { name: 'Discard…' })[1] as HTMLElement);
  await user.type(within(panel).getByLabelText('Why is it discarded?'), 'a client bug, fixed{Enter}');
  await waitFor(() => expect(within(panel).queryByText('latencyMs')).not.toBeInTheDocument());
  const post = backend.requests.find((one) => one.method === 'POST');
  expect(post?.url.pathname).toMatch(/dl_01jd1\/discard$/);
  expect(post?.body).toEqual({ reason: 'a client bug, fixed' });
});

test('a refusal is said beside the letter', async () => {
  const { backend, panel, user } = await openPanel();
  const [letter] = backend.letters;
  if (letter) letter.replayable = false;
  await user.click(within(panel).getAllByRole('button', { name: 'Replay' })[0] as HTMLElement);
  expect(await within(panel).findByRole('alert')).toHaveTextContent('Correct the event.');
});
