import type { DefaultOptions } from '@tanstack/react-query';

export const queryDefaults: DefaultOptions = {
  queries: {
    // The next poll is the retry; retrying inside a poll would only hide an outage for longer.
    retry: false,
    // A self-hosted server answers on loopback whatever the browser thinks of the internet.
    networkMode: 'always',
  },
  mutations: { retry: false, networkMode: 'always' },
};
