import type { FormEvent } from 'react';
import type { Problem } from '../api/problem.ts';
import { readToken } from '../api/token.ts';
import { Button } from '../ui/button.tsx';
import { Wordmark } from './wordmark.tsx';

type Props = { problem: Problem; onSubmit: (token: string) => void };

export function TokenForm({ problem, onSubmit }: Props) {
  const wasRefused = readToken() !== null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim();
    if (token) onSubmit(token);
  };
  return (
    <main className="grid min-h-dvh place-items-center p-4" data-screen="token">
      <form onSubmit={submit} className="card w-full max-w-sm p-7">
        <Wordmark />
        <h1 className="mt-6 text-lg font-semibold tracking-[-0.01em]">Enter the API token</h1>
        <p className="mt-1 text-sm text-muted">
          It is the server's setting <code className="font-mono text-xs">api-token</code>. This tab keeps it
          until it is closed.
        </p>
        <label className="mt-5 block text-sm font-medium">
          Token
          <input
            name="token"
            type="password"
            required
            autoComplete="off"
            aria-describedby="token-problem"
            className="field mt-1.5 h-9 w-full font-mono font-normal"
          />
        </label>
        <p id="token-problem" role="alert" className="mt-1.5 min-h-5 text-xs text-bad">
          {wasRefused ? `The token was not accepted. ${problem.hint ?? problem.message}` : ''}
        </p>
        <Button type="submit" look="primary" className="mt-3 h-9 w-full">
          Open the dashboard
        </Button>
      </form>
    </main>
  );
}
