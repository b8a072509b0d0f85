// Build and test set-up. The page runs under a strict CSP (script-src 'self'), so nothing may be inlined into index.html.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.NT_SERVER ?? 'http://127.0.0.1:6180';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // Small files stay files: a data: script or font would break the CSP.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    // The whole first load is held against a limit by scripts/size.mjs instead.
    chunkSizeWarningLimit: 800,
  },
  server: {
    // The connect page shows the pages of docs/clients.
    fs: { allow: ['..'] },
    proxy: { '/api': server, '/v1': server, '/signin': server },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-setup.ts'],
    css: false,
  },
});
