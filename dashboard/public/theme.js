// Runs before the first paint, so that a chosen dark theme never flashes white. A file, not an inline
// script: a strict Content-Security-Policy may stay strict. The key is the one in src/state/theme.ts.
const stored = localStorage.getItem('sendry.theme');
if (stored === 'light' || stored === 'dark') document.documentElement.dataset.theme = stored;
