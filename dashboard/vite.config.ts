import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Relative addresses, so the page also works behind a proxy that serves it under a path.
  base: './',
  plugins: [react(), tailwindcss()],
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
  build: { assetsDir: 'assets', chunkSizeWarningLimit: 700 },
  test: {
    environment: 'jsdom',
    testTimeout: 15_000,
    setupFiles: ['src/test/setup.ts'],
    // Formatting is tested with fixed words; the machine's own locale and zone must not decide.
    env: { TZ: 'UTC' },
  },
});
