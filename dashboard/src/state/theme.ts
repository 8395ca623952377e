import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

// public/theme.js reads the same key before the first paint; change both together.
const KEY = 'sendry.theme';
const CHANGED = 'sendry:theme';
const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

function readTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

export function setTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event(CHANGED));
}

function subscribe(notify: () => void): () => void {
  window.addEventListener(CHANGED, notify);
  systemDark.addEventListener('change', notify);
  return () => {
    window.removeEventListener(CHANGED, notify);
    systemDark.removeEventListener('change', notify);
  };
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, readTheme);
}

/** What is on screen now; canvases redraw when it changes. */
export function useShownTheme(): 'light' | 'dark' {
  return useSyncExternalStore(subscribe, () => {
    const theme = readTheme();
    if (theme !== 'system') return theme;
    return systemDark.matches ? 'dark' : 'light';
  });
}
