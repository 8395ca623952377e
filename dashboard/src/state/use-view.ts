import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { parseView, type View, viewSearch } from './view.ts';

const CHANGED = 'sendry:view';

function subscribe(notify: () => void): () => void {
  window.addEventListener('popstate', notify);
  window.addEventListener(CHANGED, notify);
  return () => {
    window.removeEventListener('popstate', notify);
    window.removeEventListener(CHANGED, notify);
  };
}

export type SetView = (change: Partial<View>, how?: 'push' | 'replace') => void;

/** The URL is the store. "replace" is for typing, so that Back does not walk through letters. */
export function useView(): [View, SetView] {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  const view = useMemo(() => parseView(search), [search]);
  const setView = useCallback<SetView>((change, how = 'push') => {
    const next = viewSearch({ ...parseView(window.location.search), ...change });
    const address = `${window.location.pathname}${next}${window.location.hash}`;
    if (how === 'push') window.history.pushState(null, '', address);
    else window.history.replaceState(null, '', address);
    window.dispatchEvent(new Event(CHANGED));
  }, []);
  return [view, setView];
}
