import { http } from 'msw';
import type { Backend } from './backend.ts';

export function handlersFor(backend: Backend) {
  return [http.all('*/api/v1/*', ({ request }) => backend.handle(request))];
}
