/** Where this page is served from, without the last slash; Sendry may live under a path behind a proxy. */
export function pageBase(): string {
  return new URL('.', document.baseURI).href.replace(/\/$/, '');
}
