const KEY = 'sendry.api-token';

/** Session storage: the token goes away with the tab, and no other site's page can read it. */
export function readToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function saveToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}
